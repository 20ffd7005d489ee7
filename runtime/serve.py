"""Serve a Flask application with Granian: many blocking threads, so slow clients hold nobody."""

from __future__ import annotations

import importlib
import multiprocessing
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings

from runtime.supervisor import die_with

BLOCKING_THREADS = 128
#: A client that has not finished its headers by then is cut off.
HEADER_TIMEOUT_MS = 10_000


def serve(factory: str, *, host: str, port: int, workers: int = 1) -> None:
    """Serve the application made by ``factory`` ("module:function") until SIGTERM or SIGINT."""
    Granian(
        factory,
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
    ).serve(target_loader=_load)


def _load(factory: str) -> Any:
    # A worker that outlived a killed server would keep the port from the next one.
    server = multiprocessing.parent_process()
    if server is not None and server.pid is not None:
        die_with(server.pid)
    module, _, name = factory.partition(":")
    return getattr(importlib.import_module(module), name)()
