"""Serving the campus: a thread a request, a long queue of waiting ones, a clean end.

Werkzeug's threaded server is enough for a stand-in that has to be there in a moment, takes a few
hundred requests at once and answers ``Connection: close`` like the recorded Moodle.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

WAITING = 1024
#: How soon a server notices that it shall end, in seconds.
POLL_S = 0.05


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.0"

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: whoever started the campus wants its one line and no more."""


def bind(host: str, port: int) -> BaseWSGIServer:
    """Return a server bound to its port but without its application, which needs the address.

    Port 0 takes a free one. Raises OSError where the port is taken.
    """
    with socket.create_server((host, port), backlog=WAITING) as listening:
        return make_server(
            host, port, _no_app, threaded=True, request_handler=_Handler, fd=listening.fileno()
        )


def address(server: BaseWSGIServer) -> str:
    """The server's http address, without a slash at the end."""
    return f"http://{server.host}:{server.port}"


def _no_app(_environ: WSGIEnvironment, _start: StartResponse) -> Iterable[bytes]:
    raise RuntimeError("The server has no application yet: set server.app before serving.")


def serve(server: BaseWSGIServer, app: Flask, *, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is called when the first request could come."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        # From another thread: shutdown waits until serve_forever has seen it.
        threading.Thread(target=server.shutdown).start()

    server.app = app
    try:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, stop)
        ready()
        server.serve_forever(poll_interval=POLL_S)
    finally:
        server.server_close()


@contextmanager
def running(make_app: Callable[[str], Flask], *, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve in a thread of this process, on a free port; yields the address. For tests."""
    server = bind(host, 0)
    server.app = make_app(address(server))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": POLL_S})
    thread.start()
    try:
        yield address(server)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
