"""Granian as we run it: slow clients hold nobody, and it ends with all it started."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.polling import eventually
from tests.ports import free_port
from tests.processes import children_of, end, is_alive, program

Serve = Callable[..., subprocess.Popen[bytes]]
SLOW_CLIENTS = 64


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def serve(port: int, tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(*, workers: int = 1, factory: str = "make") -> subprocess.Popen[bytes]:
            log = tmp_path / f"log{time.monotonic_ns()}"
            return stack.enter_context(
                program("tests.runtime.programs.web", port, workers, factory, log=log)
            )

        yield start


def worker_at(port: int) -> int:
    """The id of the worker process that answers."""

    def ask() -> int:
        try:
            return int(httpx.get(f"http://127.0.0.1:{port}/pid", timeout=2).text)
        except httpx.TransportError:
            return 0

    return eventually(ask)


def test_a_flask_application_is_served(serve: Serve, port: int) -> None:
    serve()
    worker_at(port)
    body = bytes(range(256)) * 1000

    assert body == httpx.post(f"http://127.0.0.1:{port}/echo", content=body).content


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_ends_with_its_workers(serve: Serve, port: int, number: int) -> None:
    server = serve(workers=2)
    worker_at(port)
    workers = eventually(lambda: children_of(server.pid))
    server.send_signal(number)

    assert 0 == server.wait(timeout=15)
    assert [] == [pid for pid in workers if is_alive(pid)]


def test_it_stops_in_time_although_a_client_is_slow(serve: Serve, port: int) -> None:
    server = serve()
    worker = worker_at(port)
    with half_sent(port):
        server.terminate()
        server.wait(timeout=25)

    assert not is_alive(worker)


def test_a_killed_worker_is_replaced(serve: Serve, port: int) -> None:
    serve()
    first = worker_at(port)
    end(first, signal.SIGKILL)

    eventually(lambda: worker_at(port) not in (0, first))


def test_a_killed_server_leaves_no_worker_and_its_port_to_the_next(serve: Serve, port: int) -> None:
    server = serve()
    first = worker_at(port)
    server.kill()
    server.wait()
    eventually(lambda: not is_alive(first))
    serve()

    assert first != worker_at(port)


@pytest.mark.parametrize("delay_ms", [1, 2, 4, 6, 8, 10])
def test_a_server_that_is_killed_while_it_replaces_a_worker_leaves_none(
    serve: Serve, port: int, delay_ms: int
) -> None:
    """A fresh worker has the server's handler of SIGTERM, until it sets its own."""
    server = serve()
    end(worker_at(port), signal.SIGKILL)
    kill_at = time.perf_counter() + delay_ms / 1000
    while time.perf_counter() < kill_at:
        pass
    server.kill()
    server.wait()

    eventually(lambda: not is_listening(port))


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_an_application_that_cannot_be_made_ends_the_server(
    serve: Serve, port: int, tmp_path: Path
) -> None:
    server = serve(factory="fail")

    assert 0 != server.wait(timeout=30)
    (log,) = tmp_path.glob("log*")
    assert "a setting is missing" in log.read_text()


def half_sent(port: int) -> socket.socket:
    """A client that announces a body and sends half of it."""
    client = socket.create_connection(("127.0.0.1", port), timeout=5)
    client.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + b"x" * 50)
    return client


def test_clients_with_half_sent_bodies_do_not_delay_a_good_request(serve: Serve, port: int) -> None:
    serve()
    worker_at(port)
    with ExitStack() as stack:
        for _ in range(SLOW_CLIENTS):
            stack.enter_context(half_sent(port))
        begun = time.monotonic()
        answer = httpx.post(f"http://127.0.0.1:{port}/echo", content=b"good", timeout=10)

    assert b"good" == answer.content
    assert time.monotonic() - begun < 2
