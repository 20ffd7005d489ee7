"""The clock: rings again and again for every step that has due work."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from runtime.bell import Ring
from runtime.crashpoint import crashpoint

log = structlog.get_logger()


def run(due: Callable[[], Iterable[str]], ring: Ring, *, every: timedelta) -> None:
    """Ask ``due`` which steps have work whose time has come, ring for each, until SIGTERM."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    while not stop.is_set():
        tick(due, ring)
        stop.wait(every.total_seconds())


def tick(due: Callable[[], Iterable[str]], ring: Ring) -> None:
    """One beat. A database that is down is logged; the next beat tries again."""
    try:
        for step in due():
            crashpoint("clock.looked")
            ring(step)
            crashpoint("clock.rung")
    except SQLAlchemyError as exc:
        log.warning("clock_failed", reason=type(exc).__name__)
