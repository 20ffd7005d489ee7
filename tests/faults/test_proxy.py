"""Each way in which the proxy breaks a connection, as client and server see it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.proxy import (
    BlackHole,
    DropReply,
    Duplicate,
    Fault,
    FaultProxy,
    Held,
    Kind,
    Reset,
    cut_after,
    drip,
    latency,
    truncate,
)
from tests.polling import eventually


class Echo:
    """A server that answers each piece with the same in capitals, and remembers it."""

    def __init__(self, listener: socket.socket) -> None:
        self.heard: list[bytes] = []
        self.listener = listener
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(4096):
                    self.heard.append(data)
                    connection.sendall(data.upper())
            except OSError:
                return


@pytest.fixture
def echo() -> Iterator[Echo]:
    listener = socket.create_server(("127.0.0.1", 0))
    yield Echo(listener)
    listener.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    with FaultProxy(f"127.0.0.1:{echo.listener.getsockname()[1]}").running() as proxy:
        yield proxy


def said(proxy: FaultProxy, text: bytes, *, within: float = 5.0) -> bytes:
    """What comes back for a text on a connection of its own; b"" for an orderly end."""
    with closing(connection(proxy, within=within)) as client:
        client.sendall(text)
        return client.recv(4096)


def connection(proxy: FaultProxy, *, within: float = 5.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=within)


def whole(client: socket.socket) -> bytes:
    """All that comes until the end."""
    found = b""
    while data := client.recv(4096):
        found += data
    return found


def test_without_a_fault_it_passes_everything_on(proxy: FaultProxy, echo: Echo) -> None:
    assert b"HELLO" == said(proxy, b"hello")
    assert [b"hello"] == echo.heard


def test_it_passes_on_to_a_unix_socket(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen()
    Echo(listener)
    with FaultProxy(tmp_path / "s").running() as proxy:
        assert b"HELLO" == said(proxy, b"hello")
    listener.close()


def test_it_refuses_connections_and_resets_open_ones_until_healed(proxy: FaultProxy) -> None:
    with closing(connection(proxy)) as client:
        client.sendall(b"before")
        assert b"BEFORE" == client.recv(4096)
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            client.recv(4096)
    with pytest.raises(ConnectionRefusedError):
        connection(proxy)

    proxy.heal()
    assert b"AFTER" == said(proxy, b"after")


def test_a_fault_concerns_nothing_that_was_said_before_it_settled(proxy: FaultProxy) -> None:
    proxy.behave(latency(0.1))
    with closing(connection(proxy)) as client:
        client.sendall(b"first")
        assert b"FIRST" == client.recv(4096)
        client.sendall(b"before")
        proxy.settle()
        proxy.behave(Reset)
        assert b"BEFORE" == client.recv(4096)
        client.sendall(b"after")
        with pytest.raises(ConnectionResetError):
            client.recv(4096)


@pytest.mark.parametrize(
    ("kind", "heard"),
    [(Reset, []), (DropReply, [b"hello"]), (cut_after(3), [b"hel"])],
    ids=["reset", "reply dropped", "cut after 3 bytes"],
)
def test_a_connection_breaks_before_within_or_after_what_is_asked(
    proxy: FaultProxy, echo: Echo, kind: Kind, heard: list[bytes]
) -> None:
    proxy.behave(kind)
    with pytest.raises(ConnectionResetError):
        said(proxy, b"hello")

    eventually(lambda: heard == echo.heard)
    proxy.heal()
    assert b"AFTER" == said(proxy, b"after")


def test_an_open_connection_breaks_at_its_next_words(proxy: FaultProxy) -> None:
    with closing(connection(proxy)) as client:
        client.sendall(b"before")
        assert b"BEFORE" == client.recv(4096)
        proxy.behave(Reset)
        client.sendall(b"now")
        with pytest.raises(ConnectionResetError):
            client.recv(4096)


def test_a_black_hole_says_nothing_and_is_cut_when_healed(proxy: FaultProxy, echo: Echo) -> None:
    proxy.behave(BlackHole)
    with closing(connection(proxy, within=0.3)) as client:
        client.sendall(b"hello")
        with pytest.raises(TimeoutError):
            client.recv(4096)
        proxy.heal()
        client.settimeout(5)
        with pytest.raises(ConnectionResetError):
            client.recv(4096)
    assert [] == echo.heard


def test_an_answer_is_truncated(proxy: FaultProxy) -> None:
    proxy.behave(truncate(2))
    with closing(connection(proxy)) as client:
        client.sendall(b"hello")

        assert b"HE" == whole(client)


def test_everything_takes_its_time(proxy: FaultProxy) -> None:
    proxy.behave(latency(0.1))
    begun = time.monotonic()

    assert b"HELLO" == said(proxy, b"hello")
    assert 0.2 <= time.monotonic() - begun


def test_an_answer_drips(proxy: FaultProxy) -> None:
    proxy.behave(drip(2, every=0.05))
    with closing(connection(proxy)) as client:
        client.sendall(b"hello")

        assert [b"HE", b"LL", b"O"] == [client.recv(4096) for _ in range(3)]


def test_what_is_sent_arrives_twice(proxy: FaultProxy, echo: Echo) -> None:
    proxy.behave(Duplicate)

    assert b"HELLO" == said(proxy, b"hello")
    eventually(lambda: echo.heard == [b"hello", b"hello"])


def test_an_answer_is_held_until_it_is_given_up(proxy: FaultProxy, echo: Echo) -> None:
    held = Held()
    proxy.behave(held, on=b"secret", times=1)
    with closing(connection(proxy)) as client:
        client.sendall(b"a secret")
        assert held.answered.wait(5)
        assert b"AN OPEN" == said(proxy, b"an open")
        assert b"SECRET TWO" == said(proxy, b"secret two"), "only the first is held"
        held.given_up.set()
        with pytest.raises(ConnectionResetError):
            client.recv(4096)
    assert b"a secret" in echo.heard


def test_a_fault_may_wait_for_what_a_client_says(proxy: FaultProxy) -> None:
    proxy.behave(Reset, on=b"POST")
    with closing(connection(proxy)) as client:
        client.sendall(b"get")
        assert b"GET" == client.recv(4096)
        client.sendall(b"POST")
        with pytest.raises(ConnectionResetError):
            client.recv(4096)


def test_only_so_many_connections_are_concerned(proxy: FaultProxy) -> None:
    proxy.behave(Reset, times=2)
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            said(proxy, b"hello")

    assert b"HELLO" == said(proxy, b"hello")
    proxy.behave(Fault)


def test_a_server_that_is_gone_resets(tmp_path: Path) -> None:
    with FaultProxy(tmp_path / "nobody").running() as proxy, pytest.raises(ConnectionResetError):
        said(proxy, b"hello")
