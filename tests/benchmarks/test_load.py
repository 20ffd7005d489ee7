"""The load: every answer is looked at, and a wait counts from when its request was due."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.load import latencies, post, seconds


@contextmanager
def served(heard: list[bytes], *, together: int = 1) -> Iterator[int]:
    """A server that answers 202 as soon as so many requests are there; its port."""
    all_there = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while said := self.request.recv(1000):
                heard.append(said.partition(b"\r\n\r\n")[2])
                if len(heard) >= together:
                    all_there.set()
                all_there.wait(20)
                self.request.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_every_request_is_sent_once() -> None:
    heard: list[bytes] = []
    with served(heard) as port:
        seconds(port, [post("/", b"%d" % n, {}) for n in range(20)], clients=3, wanted=202)

    assert sorted(b"%d" % n for n in range(20)) == sorted(heard)


def test_another_status_than_wanted_is_an_error() -> None:
    with served([]) as port, pytest.raises(ExceptionGroup) as caught:
        seconds(port, [post("/", b"1", {})], clients=1, wanted=201)

    assert caught.group_contains(RuntimeError, match="202 Accepted")


def test_a_steady_load_does_not_wait_for_answers() -> None:
    # None is answered before all are there; what was due first has waited for the last.
    with served([], together=5) as port:
        taken = latencies(port, [post("/", b"x", {})] * 5, a_second=20, wanted=202)

    assert max(taken) >= 4 / 20
