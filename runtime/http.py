"""A guarded httpx client: no private addresses, one deadline for the whole call, bounded answers.

httpx's own time-out is per read, so that a dripping server can hold a call for ever; and a URL that
a user wrote may point into our own network (OWASP: Server Side Request Forgery). Each name is
resolved once, every address checked, and the checked address is the one connected to.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpcore
import httpx

CONNECT_S = 10.0
LARGEST_ANSWER = 32 * 1024 * 1024
#: A write is handed to the network in pieces: its time-out holds for each piece.
PIECE = 64 * 1024

#: The one prefix whose addresses stand for IPv4 ones on networks without IPv4 (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: Not private by Python's tables, yet ways into a network of one's own: IPv4-compatible,
#: IPv4-translated, local NAT64, 6to4, site-local.
_NEVER = tuple(
    ipaddress.IPv6Network(network)
    for network in ("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "2002::/16", "fec0::/10")
)


class AddressRefused(httpx.RequestError):
    """The address is private and not allowed by the settings. Nothing was sent."""


@dataclass(slots=True)
class _Budget:
    """What one call may still use."""

    until: float
    bytes_left: int

    def timeout(self, asked: float | None, passed: type[httpcore.TimeoutException]) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise passed("the call's deadline has passed")
        return min(left, asked) if asked is not None else left


_budget: ContextVar[_Budget | None] = ContextVar("budget", default=None)


def _left(asked: float | None, passed: type[httpcore.TimeoutException]) -> float | None:
    budget = _budget.get()
    return budget.timeout(asked, passed) if budget is not None else asked


@contextmanager
def _within(budget: _Budget) -> Iterator[None]:
    token = _budget.set(budget)
    try:
        yield
    finally:
        _budget.reset(token)


class Client(httpx.Client):
    """An httpx.Client whose every call, its body read, ends within ``deadline``.

    ``allowed`` names the private hosts that may be called, as ``host`` or ``host:port``;
    ``largest`` is the most bytes an answer may have, on the wire and unpacked.
    """

    def __init__(
        self,
        *,
        allowed: Iterable[str] = (),
        deadline: timedelta,
        largest: int = LARGEST_ANSWER,
        **options: Any,
    ) -> None:
        super().__init__(
            transport=_transport(frozenset(host.lower() for host in allowed)),
            timeout=httpx.Timeout(deadline.total_seconds(), connect=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
            **options,
        )
        self.deadline = deadline
        self._largest = largest

    def send(
        self, request: httpx.Request, *, stream: bool = False, **options: Any
    ) -> httpx.Response:
        """As httpx.Client.send; raises httpx.TimeoutException once the deadline has passed.

        Raises AddressRefused before anything is sent, httpx.ReadError for too large an answer.
        With ``stream`` the deadline holds for the reading, too, and ``largest`` on the wire only.
        """
        budget = _Budget(time.monotonic() + self.deadline.total_seconds(), self._largest)
        with _within(budget):
            response = super().send(request, stream=True, **options)
            if not stream:
                self._read(response)
        if stream and isinstance(response.stream, httpx.SyncByteStream):
            response.stream = _Bounded(response.stream, budget)
        return response

    def _read(self, response: httpx.Response) -> None:
        parts, left = [], self._largest
        try:
            for part in response.iter_bytes():
                left -= len(part)
                if left < 0:  # a small answer may unpack to gigabytes
                    raise httpx.ReadError(
                        "the answer is larger than allowed", request=response.request
                    )
                parts.append(part)
        finally:
            response.close()
        # What Response.read would have set, had it a limit; a test holds this line.
        response._content = b"".join(parts)


class _Bounded(httpx.SyncByteStream):
    """A streamed body that is read within its call's budget."""

    def __init__(self, inner: httpx.SyncByteStream, budget: _Budget) -> None:
        self._inner = inner
        self._budget = budget

    def __iter__(self) -> Iterator[bytes]:
        parts = iter(self._inner)
        while True:
            with _within(self._budget):
                part = next(parts, None)
            if part is None:
                return
            yield part

    def close(self) -> None:
        self._inner.close()


def _transport(allowed: frozenset[str]) -> httpx.HTTPTransport:
    # Without a limit: a host that hangs would take the others' share.
    transport = httpx.HTTPTransport(
        verify=ssl.create_default_context(), retries=0, limits=httpx.Limits()
    )
    # httpx has no public way to hand in httpcore's network backend; a test holds this line.
    transport._pool._network_backend = _Backend(allowed)
    return transport


class _Backend(httpcore.NetworkBackend):
    def __init__(self, allowed: frozenset[str]) -> None:
        self._inner: httpcore.NetworkBackend = httpcore.SyncBackend()
        self._allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._checked(host, port)
        for address in addresses:  # "localhost" may be ::1 first, and nobody listening there
            timeout = _left(timeout, httpcore.ConnectTimeout)
            try:
                return _Stream(
                    self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
                )
            except httpcore.ConnectError:
                if address == addresses[-1]:
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    def _checked(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            raise httpcore.ConnectError(f"{host} cannot be resolved") from exc
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        name = f"[{host}]" if ":" in host else host
        if not self._allowed.isdisjoint({host, name, f"{name}:{port}"}):
            return addresses
        if not all(map(_is_public, addresses)):
            raise AddressRefused(
                f"{name}:{port} is an address inside a private network. If it is meant, add "
                f"{name}:{port} to the allowed private hosts in the settings."
            )
        return addresses


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return _is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return _is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if any(ip in network for network in _NEVER):
            return False
    return ip.is_global and not ip.is_multicast


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes keep within the call's budget."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))
        budget = _budget.get()
        if budget is not None:
            budget.bytes_left -= len(data)
            if budget.bytes_left < 0:
                raise httpcore.ReadError("the answer is larger than allowed")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            piece = buffer[start : start + PIECE]
            self._inner.write(piece, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        timeout = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
