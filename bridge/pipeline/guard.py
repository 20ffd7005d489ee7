"""What a step does with an error nobody foresaw: move the row on, then be loud."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from runtime.lease import LeaseLost

log = structlog.get_logger()


@contextmanager
def poisoned(step: str, row_id: str, move_on: Callable[[str], None]) -> Iterator[None]:
    """Run one row's work. LeaseLost ends it silently: the row is somebody else's now.

    Any other error is our bug: ``move_on`` is told its name and puts the row out of the way, so
    that it cannot stop its neighbours, and the error is logged with its trace.
    """
    try:
        yield
    except LeaseLost:
        log.info("lease_lost", step=step, row=row_id)
    except Exception as exc:
        log.exception("step_failed", step=step, row=row_id)
        move_on(type(exc).__name__)
