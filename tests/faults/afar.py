"""What takes long to start, started once for many short-lived processes, asked over a socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Client, Listener
from typing import Any

from bridge.certificates.page import Page, RenderError
from bridge.certificates.render import Renderer
from vault.kinds import FileKind, FileRefused
from vault.sandbox import Sandbox, Strip


@contextmanager
def answering(answer: Callable[[Any], Any]) -> Iterator[str]:
    """Answer whoever calls; yields the address."""
    with Listener(family="AF_UNIX") as listener:
        thread = threading.Thread(target=_serve, args=(listener, answer))
        thread.start()
        try:
            yield str(listener.address)
        finally:
            with Client(listener.address) as last:
                last.send(None)
            thread.join()


def _serve(listener: Listener, answer: Callable[[Any], Any]) -> None:
    while True:
        # Whoever asks may die at any moment.
        with listener.accept() as connection, suppress(EOFError, ConnectionError):
            asked = connection.recv()
            if asked is None:
                return
            connection.send(answer(asked))


def _ask(address: str, what: Any) -> Any:
    with Client(address) as connection:
        connection.send(what)
        return connection.recv()


@contextmanager
def printing(renderer: Renderer) -> Iterator[str]:
    """Print for whoever calls."""

    def answer(page: Page) -> object:
        try:
            return renderer.render(page)
        except RenderError as exc:
            return exc.problem, exc.remedy

    with answering(answer) as address:
        yield address


class RemoteRenderer(Renderer):
    """A renderer whose pages are printed at an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def render(self, page: Page, *, form: str = "pdf") -> bytes:
        answer = _ask(self._address, page)
        if isinstance(answer, tuple):
            problem, remedy = answer
            raise RenderError(problem, remedy=remedy)
        return bytes(answer)

    def template(self, name: str) -> Any:
        return "the only one"

    def made_of(self, page: Page) -> dict[str, Any]:
        return {}

    def valid_until(self, page: Page) -> None:
        return None

    def close(self) -> None:
        """Nothing runs here that could be ended."""


@contextmanager
def opening(sandbox: Sandbox) -> Iterator[str]:
    """Open strangers' files for whoever calls."""

    def answer(asked: tuple[str, bytes, dict[str, Any]]) -> object:
        name, content, more = asked
        try:
            return getattr(sandbox, name)(content, **more)
        except FileRefused as exc:
            return exc

    with answering(answer) as address:
        yield address


class RemoteSandbox(Sandbox):
    """A sandbox whose children live elsewhere."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def inspect(self, content: bytes) -> FileKind:
        kind: FileKind = self._asked("inspect", content)
        return kind

    def stamped(self, content: bytes, *, kind: FileKind, strip: Strip) -> bytes | None:
        pdf: bytes | None = self._asked("stamped", content, kind=kind, strip=strip)
        return pdf

    def strips_on(self, content: bytes) -> Sequence[str]:
        named: Sequence[str] = self._asked("strips_on", content)
        return named

    def _asked(self, name: str, content: bytes, **more: Any) -> Any:
        answer = _ask(self._address, (name, content, more))
        if isinstance(answer, FileRefused):
            raise answer
        return answer
