"""What guards a step: against errors nobody foresaw, and against going on after its lease."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import trail
from runtime.database import RolledBack
from runtime.lease import LeaseLost

#: The database does not answer, for which no row can be blamed: their leases will end.
DATABASE_DOWN = (
    sa.exc.OperationalError,
    sa.exc.InterfaceError,
    sa.exc.InternalError,
    sa.exc.TimeoutError,
    RolledBack,
)

log = structlog.get_logger()


@contextmanager
def poisoned(
    step: str, row_id: str, move_on: Callable[[str], None], *, about: sa.Row[Any] | None = None
) -> Iterator[None]:
    """Run one row's work. LeaseLost ends it silently: the row is somebody else's now.

    A database that does not answer ends the whole step. Any other error is our bug: ``move_on`` is
    told its name and puts the row out of the way, so that it cannot stop its neighbours, and the
    error is logged with its trace. ``about``: the row itself, whose ids the log then names.
    """
    named = {"row": row_id} if about is None else {"row": row_id, **trail.of(about)}
    try:
        yield
    except LeaseLost:
        log.info("lease_lost", step=step, **named)
    except DATABASE_DOWN:
        raise
    except sa.exc.StatementError as exc:
        # Its text holds the statement's values: only where it happened is told.
        trace = "".join(traceback.format_tb(exc.__traceback__))
        name = type(exc.orig or exc).__name__
        log.error("step_failed", step=step, **named, reason=name, trace=trace)  # noqa: TRY400
        _move_on(step, row_id, move_on, name)
    except Exception as exc:
        log.exception("step_failed", step=step, **named)
        _move_on(step, row_id, move_on, type(exc).__name__)


def _move_on(step: str, row_id: str, move_on: Callable[[str], None], name: str) -> None:
    try:
        move_on(name)
    except LeaseLost:
        log.info("lease_lost", step=step, row=row_id)


def in_time(most: timedelta) -> Callable[[], bool]:
    """Begin to time what comes before a call; the result says whether it was shorter than that.

    A process that was stopped between its intent and its call, for so long that its lease does not
    outlast the call, must not make it any more.
    """
    began = time.monotonic()
    return lambda: time.monotonic() - began < most.total_seconds()
