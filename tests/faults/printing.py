"""One real renderer for many short-lived processes: each has its pages printed over a socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Client, Listener

from bridge.certificates.page import Page, RenderError
from bridge.certificates.render import Renderer


@contextmanager
def printing(renderer: Renderer) -> Iterator[str]:
    """Print for whoever calls; yields the address."""
    with Listener(family="AF_UNIX") as listener:
        thread = threading.Thread(target=_serve, args=(listener, renderer))
        thread.start()
        try:
            yield str(listener.address)
        finally:
            with Client(listener.address) as last:
                last.send(None)
            thread.join()


def _serve(listener: Listener, renderer: Renderer) -> None:
    while True:
        with listener.accept() as connection:
            page = connection.recv()
            if page is None:
                return
            try:
                connection.send(renderer.render(page))
            except RenderError as exc:
                connection.send((exc.problem, exc.remedy))


class RemoteRenderer(Renderer):
    """A renderer whose pages are printed at an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def render(self, page: Page) -> bytes:
        with Client(self._address) as connection:
            connection.send(page)
            answer = connection.recv()
        if isinstance(answer, tuple):
            problem, remedy = answer
            raise RenderError(problem, remedy=remedy)
        return bytes(answer)
