"""Work that a process does beside its own: in a thread, again and again, until it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

#: How long the end of a process waits for a round that is under way.
PATIENCE_S = 5.0

log = structlog.get_logger()


@contextmanager
def repeating(name: str, work: Callable[[], object], *, every: timedelta) -> Iterator[None]:
    """Do ``work`` now and every so often until the block ends; an error in it is only logged."""
    over = threading.Event()

    def rounds() -> None:
        _round(name, work)
        while not over.wait(every.total_seconds()):
            _round(name, work)

    thread = threading.Thread(target=rounds, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(PATIENCE_S)


def _round(name: str, work: Callable[[], object]) -> None:
    try:
        work()
    except SQLAlchemyError as exc:  # its text may hold values
        log.warning("round_failed", name=name, reason=type(exc).__name__)
    except Exception:
        log.exception("round_failed", name=name)
