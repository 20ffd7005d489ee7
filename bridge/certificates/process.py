"""The child process that prints: started when first needed, ended when it is too slow.

Safe from several threads. A process forked from this one starts a child of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bridge.certificates.page import RenderError, TooSlow

_CHILD = Path(__file__).with_name("child.py")
#: Reading the fonts of a machine takes 0.2 s with 20 of them; a cold disk full of Noto longer.
_START = timedelta(seconds=60)
#: The child runs what template authors wrote, so it is told no secret that our environment holds.
_PASSED_ON = ("HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR", "XDG_DATA_HOME")
#: Typst fetches ``@`` packages over https by way of the environment's proxy; port 9 discards.
_NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), "http://127.0.0.1:9")


class Died(Exception):
    """The child ended without an answer."""


@dataclass(slots=True, kw_only=True)
class _Running:
    """One started child."""

    process: subprocess.Popen[bytes]
    connection: Connection
    faces: Sequence[dict[str, Any]]
    owner: int  #: process id of the one that started it

    def alive(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(self, request: dict[str, Any], limit: timedelta) -> bytes:
        try:
            self.connection.send_bytes(json.dumps(request).encode())
            if not self.connection.poll(limit.total_seconds()):
                raise TimeoutError
            return self.connection.recv_bytes()
        except (EOFError, ConnectionError) as error:
            raise Died from error

    def end(self) -> None:
        self.connection.close()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()


class Child:
    """The one child of a renderer; ``fonts`` unpacks ours and says where, when one is started."""

    def __init__(self, *, fonts: Callable[[], Path], limit: timedelta) -> None:
        self._fonts = fonts
        self._limit = limit
        self._running: _Running | None = None
        self._lock = threading.Lock()

    @property
    def process_id(self) -> int | None:
        """The id of the running child; None while there is none."""
        running = self._running
        return running.process.pid if running is not None else None

    def faces(self) -> Sequence[dict[str, Any]]:
        """The font faces it prints with. Raises RenderError where it cannot be started."""
        with self._lock:
            return self._started().faces

    def print(self, request: dict[str, Any]) -> bytes:
        """Return the child's answer to one page's request.

        Raises TooSlow after the limit, and RenderError where two children in a row died of it
        (one alone may have been ended by the machine, for its memory or by mistake).
        """
        request = request | {"limit": self._limit.total_seconds()}
        with self._lock:
            try:
                return self._ask(request)
            except Died:
                return self._ask_again(request)

    def close(self) -> None:
        """End the child, if there is one. It is started again when asked again."""
        with self._lock:
            self._end()

    def _ask(self, request: dict[str, Any]) -> bytes:
        try:
            return self._started().ask(request, self._limit)
        except TimeoutError as error:
            self._end()
            raise TooSlow(
                f"The template did not end within {self._limit.total_seconds():g} s.",
                remedy="Look for a loop without end in its template.typ, then replay.",
                code="too_slow",
            ) from error
        except Died:
            self._end()
            raise

    def _ask_again(self, request: dict[str, Any]) -> bytes:
        try:
            return self._ask(request)
        except Died as error:
            raise RenderError(
                "The process that prints certificates died of this page, twice.",
                remedy="Look for what needs much memory: a huge logo, or a loop in the template.",
                code="printer_died",
            ) from error

    def _started(self) -> _Running:
        if self._running is None or not self._running.alive():
            self._end()
            self._running = _start(self._fonts())
        return self._running

    def _end(self) -> None:
        if self._running is not None:
            self._running.end()
            self._running = None


def _start(fonts: Path) -> _Running:
    ours, theirs = Pipe()
    # -P: the folder of child.py must not stand in for modules of the standard library.
    command = [sys.executable, "-P", str(_CHILD), str(theirs.fileno()), str(fonts)]
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - our own file, no shell
            command, env=_environment(), stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
        )
    running = _Running(process=process, connection=ours, faces=(), owner=os.getpid())
    try:
        if not ours.poll(_START.total_seconds()):
            raise TimeoutError
        running.faces = json.loads(ours.recv_bytes())
    except (EOFError, ConnectionError, TimeoutError) as error:
        running.end()
        raise RenderError(
            "The process that prints certificates does not start.",
            remedy="Its error output says why: is the package typst installed and whole?",
            code="printer_missing",
        ) from error
    return running


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | _NO_NETWORK
