"""Serve a Flask application with Granian: many blocking threads, so slow clients hold nobody."""

from __future__ import annotations

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings

BLOCKING_THREADS = 128
#: A client that has not finished its headers by then is cut off.
HEADER_TIMEOUT_MS = 10_000


def serve(factory: str, *, host: str, port: int, workers: int = 1) -> None:
    """Serve the application made by ``factory`` ("module:function") until SIGTERM or SIGINT."""
    Granian(
        factory,
        factory=True,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=BLOCKING_THREADS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS),
        websockets=False,
        log_enabled=False,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
    ).serve()
