"""The guarded client: where it does not go, and when it gives up, whatever the server does."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpcore
import httpx
import pytest

from runtime.http import AddressRefused, Client, _Backend
from tests.polling import PATIENCE_S, eventually
from tests.runtime.raw_server import answering, raw_server, request_of

#: Long enough for a good answer on a busy machine, short enough to wait for.
DEADLINE = timedelta(seconds=0.5)
PUBLIC = "93.184.216.34"
#: More calls than hang at once in life.
MANY = 120


def client(*allowed: str, **options: Any) -> Client:
    return Client(allowed=allowed, **{"deadline": timedelta(seconds=10), **options})


@contextmanager
def soon() -> Iterator[None]:
    """What runs inside ends near `DEADLINE`."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < DEADLINE.total_seconds() + 1.5


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Make names resolve to given addresses, one list a look-up; the last stays."""
    asked: list[str] = []

    def install(*answers: list[str]) -> list[str]:
        rest = itertools.chain(answers, itertools.repeat(answers[-1]))

        def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
            asked.append(host)
            return [(0, 0, 0, "", (address, port)) for address in next(rest)]

        # In our module only: the standard library looks the number up when it connects.
        monkeypatch.setattr("runtime.http.socket", FakeSocket(getaddrinfo))
        return asked

    return install


class FakeSocket:
    """The part of the socket module that the guard uses."""

    SOCK_STREAM = socket.SOCK_STREAM

    def __init__(self, getaddrinfo: Callable[..., list[Any]]) -> None:
        self.getaddrinfo = getaddrinfo


class FakeNetwork(httpcore.NetworkBackend):
    """Notes where it is told to connect to, and connects to nothing."""

    def __init__(self) -> None:
        self.called: list[tuple[str, int]] = []

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        self.called.append((host, port))
        raise httpcore.ConnectError("nobody there")


def backend_of(http: Client) -> _Backend:
    transport = http._transport
    assert isinstance(transport, httpx.HTTPTransport)
    backend = transport._pool._network_backend
    assert isinstance(backend, _Backend)
    return backend


def test_httpx_still_lets_us_put_our_guard_between_it_and_the_network() -> None:
    """The attributes are private: if a release of httpx moves them, this fails first."""
    with client() as http:
        assert isinstance(backend_of(http), _Backend)
    with httpx.Client() as plain:
        transport = plain._transport
        assert isinstance(transport, httpx.HTTPTransport)
        assert hasattr(transport._pool, "_network_backend")
    assert b"x" == httpx.Response(200, content=b"x")._content


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",  # noqa: S104  # not bound to, called
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:224.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fe80::1]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "localhost",
        "LOCALHOST",
    ],
)
def test_an_address_inside_a_private_network_is_refused_before_anything_is_sent(
    host: str,
) -> None:
    network = FakeNetwork()
    with client() as http:
        backend_of(http)._inner = network
        with pytest.raises(AddressRefused, match=r"add .*:8080 to the allowed private hosts"):
            http.get(f"http://{host}:8080/")

    assert [] == network.called


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"]
)
def test_a_public_address_is_called(address: str, resolve: Callable[..., list[str]]) -> None:
    resolve([address])
    network = FakeNetwork()
    with client() as http:
        backend_of(http)._inner = network
        with pytest.raises(httpx.ConnectError, match="nobody there"):
            http.get("http://lms.test/")

    assert [(address, 80)] == network.called


def test_a_name_with_one_private_address_among_public_ones_is_refused(
    resolve: Callable[..., list[str]],
) -> None:
    resolve([PUBLIC, "10.0.0.1"])
    with client() as http, pytest.raises(AddressRefused, match=r"lms\.test:443"):
        http.get("https://lms.test/")


def test_a_name_is_resolved_once_and_the_checked_address_is_the_one_called(
    resolve: Callable[..., list[str]],
) -> None:
    """A server that answers the second look-up with a private address gains nothing."""
    asked = resolve([PUBLIC], ["127.0.0.1"])
    network = FakeNetwork()
    with client() as http:
        backend_of(http)._inner = network
        with pytest.raises(httpx.ConnectError):
            http.get("http://lms.test/")

    assert (["lms.test"], [(PUBLIC, 80)]) == (asked, network.called)


@pytest.mark.parametrize("host", ["nobody.invalid", "a" * 64 + ".test"])
def test_a_name_that_cannot_be_resolved_was_not_sent(host: str) -> None:
    with client() as http, pytest.raises(httpx.ConnectError, match="cannot be resolved"):
        http.get(f"http://{host}/")


def test_a_refusal_carries_its_request() -> None:
    with client() as http, pytest.raises(AddressRefused) as caught:
        http.get("http://127.0.0.1/x")

    assert "http://127.0.0.1/x" == caught.value.request.url


@pytest.mark.parametrize("allowed", ["127.0.0.1", "127.0.0.1:{port}"])
def test_an_allowed_host_is_called(allowed: str) -> None:
    with (
        raw_server(answering(b"hello")) as server,
        client(allowed.format(port=server.port)) as http,
    ):
        assert b"hello" == http.get(server.url()).content


def test_another_port_of_an_allowed_host_and_port_is_refused() -> None:
    with client("127.0.0.1:1") as http, pytest.raises(AddressRefused):
        http.get("http://127.0.0.1:2/")


@pytest.mark.parametrize("allowed", ["::1", "[::1]", "[::1]:9", "LocalHost"])
def test_an_allowed_host_may_be_written_as_people_write_it(allowed: str) -> None:
    network = FakeNetwork()
    host = "localhost" if allowed == "LocalHost" else "[::1]"
    with client(allowed) as http:
        backend_of(http)._inner = network
        with pytest.raises(httpx.ConnectError, match="nobody there"):
            http.get(f"http://{host}:9/")

    assert network.called


def test_a_name_is_called_at_its_next_address_where_the_first_is_deaf(
    resolve: Callable[..., list[str]],
) -> None:
    resolve(["::1", "127.0.0.1"])
    with raw_server(answering(b"hello")) as server, client("lms.test") as http:
        assert b"hello" == http.get(server.url(host="lms.test")).content


def test_the_host_header_names_the_name_and_not_the_address(
    resolve: Callable[..., list[str]],
) -> None:
    resolve(["127.0.0.1"])
    heads = []

    def handler(connection: socket.socket) -> None:
        heads.append(request_of(connection))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with raw_server(handler) as server, client("lms.test") as http:
        http.get(server.url(host="lms.test"))

    assert f"Host: lms.test:{server.port}".encode() in heads[0]


def test_a_redirect_is_not_followed_and_if_it_were_its_address_is_checked() -> None:
    away = answering(b"", "Location: http://169.254.169.254/", status="302 Found")
    with raw_server(away) as server, client("127.0.0.1") as http:
        assert 302 == http.get(server.url()).status_code
        with pytest.raises(AddressRefused, match=r"169\.254\.169\.254"):
            http.get(server.url(), follow_redirects=True)


def test_a_proxy_in_the_environment_does_not_lead_round_the_guard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with raw_server(answering(b"by proxy")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        with client() as http, pytest.raises(AddressRefused):
            http.get("http://10.0.0.1/")

    assert 0 == proxy.connections


def test_a_host_that_hangs_takes_no_connection_from_the_others() -> None:
    release = threading.Event()

    def hang(connection: socket.socket) -> None:
        if request_of(connection):
            release.wait(PATIENCE_S)

    with (
        raw_server(hang) as hung,
        raw_server(answering(b"yes")) as other,
        client("127.0.0.1", deadline=timedelta(seconds=PATIENCE_S)) as http,
        ThreadPoolExecutor(MANY) as pool,
    ):
        calls = [pool.submit(http.get, hung.url()) for _ in range(MANY)]
        eventually(lambda: hung.connections == MANY)
        answer = http.get(other.url())
        release.set()

    assert (200, "yes") == (answer.status_code, answer.text)
    assert {httpx.RemoteProtocolError} == {type(call.exception()) for call in calls}


def test_connections_are_used_again() -> None:
    with raw_server(answering(b"hello")) as server, client("127.0.0.1") as http:
        answers = [http.get(server.url()).content for _ in range(5)]

    assert ([b"hello"] * 5, 1) == (answers, server.connections)


def dripping(head: bytes) -> Callable[[socket.socket], None]:
    """Send ``head``, then a byte at a time, for ever."""

    def handler(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(head)
        stop = threading.Event()
        while not stop.wait(0.05):
            connection.sendall(b"x")

    return handler


def silent(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize(
    "handler",
    [dripping(HEAD), dripping(b"HTTP/1.1 200 OK\r\nX: "), dripping(b""), silent],
    ids=["body", "headers", "status line", "silence"],
)
def test_a_dripping_server_is_cut_off_at_the_deadline_of_the_whole_call(
    handler: Callable[[socket.socket], None],
) -> None:
    with (
        raw_server(handler) as server,
        client("127.0.0.1", deadline=DEADLINE) as http,
        soon(),
        pytest.raises(httpx.ReadTimeout),
    ):
        http.get(server.url())


def test_a_server_that_drinks_the_request_by_sips_is_cut_off() -> None:
    def sipping(connection: socket.socket) -> None:
        stop = threading.Event()
        while not stop.wait(0.01) and connection.recv(20_000):
            pass

    with (
        raw_server(sipping) as server,
        client("127.0.0.1", deadline=DEADLINE) as http,
        soon(),
        pytest.raises(httpx.WriteTimeout),
    ):
        http.post(server.url(), content=b"x" * 60_000_000)


def test_a_streamed_answer_keeps_to_the_deadline_too() -> None:
    with (
        raw_server(dripping(HEAD)) as server,
        client("127.0.0.1", deadline=DEADLINE) as http,
        soon(),
        http.stream("GET", server.url()) as answer,
        pytest.raises(httpx.ReadTimeout),
    ):
        for _ in answer.iter_bytes():
            pass


def test_a_streamed_answer_arrives_whole() -> None:
    body = bytes(range(256)) * 2000
    with (
        raw_server(answering(body)) as server,
        client("127.0.0.1") as http,
        http.stream("GET", server.url()) as answer,
    ):
        assert body == b"".join(answer.iter_bytes())


def test_a_deadline_that_passed_before_connecting_means_not_sent() -> None:
    with (
        raw_server(silent) as server,
        client("127.0.0.1", deadline=timedelta()) as http,
        pytest.raises(httpx.ConnectTimeout),
    ):
        http.get(server.url())

    assert 0 == server.connections


@pytest.mark.parametrize("stream", [False, True])
def test_too_large_an_answer_is_cut_off(stream: bool) -> None:
    def endless(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with raw_server(endless) as server, client("127.0.0.1", largest=1_000_000) as http:
        request = http.build_request("GET", server.url())
        with pytest.raises(httpx.ReadError, match="larger than allowed"):
            http.send(request, stream=stream).read()


def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_off() -> None:
    bomb = answering(gzip.compress(b"\0" * 10_000_000), "Content-Encoding: gzip")
    with (
        raw_server(bomb) as server,
        client("127.0.0.1", largest=1_000_000) as http,
        pytest.raises(httpx.ReadError, match="larger than allowed"),
    ):
        http.get(server.url())


def test_a_packed_answer_is_unpacked() -> None:
    packed = answering(gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip")
    with raw_server(packed) as server, client("127.0.0.1") as http:
        answer = http.get(server.url())

    assert ({"a": 1}, True) == (answer.json(), answer.is_closed)


def test_calls_that_were_cut_off_hold_no_connection_for_ever() -> None:
    calls = itertools.count()

    def handler(connection: socket.socket) -> None:
        body = b"x" * 5000 if next(calls) < 70 else b"good"
        answering(body)(connection)

    with raw_server(handler) as server, client("127.0.0.1", largest=1000) as http:
        for _ in range(70):
            with pytest.raises(httpx.ReadError):
                http.get(server.url())

        assert b"good" == http.get(server.url()).content
