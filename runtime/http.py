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
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpcore
import httpx

CONNECT_S = 10.0
LARGEST_ANSWER = 32 * 1024 * 1024


class AddressRefused(httpx.RequestError):
    """The address is private and not allowed by the settings. Nothing was sent."""


@dataclass(slots=True)
class _Budget:
    """What one call may still use."""

    until: float
    bytes_left: int

    def timeout(self, asked: float | None) -> float:
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the call's deadline has passed")
        return min(left, asked) if asked is not None else left


_budget: ContextVar[_Budget | None] = ContextVar("budget", default=None)


class Client(httpx.Client):
    """An httpx.Client whose every call, its body read, ends within ``deadline``."""

    def __init__(
        self,
        *,
        allowed: Iterable[str] = (),
        deadline: timedelta,
        largest: int = LARGEST_ANSWER,
        **options: Any,
    ) -> None:
        super().__init__(
            transport=_transport(frozenset(allowed)),
            timeout=httpx.Timeout(deadline.total_seconds(), connect=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
            **options,
        )
        self.deadline = deadline
        self._largest = largest

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """As httpx.Client.send; raises httpx.ReadTimeout once the deadline has passed."""
        budget = _Budget(time.monotonic() + self.deadline.total_seconds(), self._largest)
        token = _budget.set(budget)
        try:
            return super().send(request, **options)
        finally:
            _budget.reset(token)


def _transport(allowed: frozenset[str]) -> httpx.HTTPTransport:
    transport = httpx.HTTPTransport(
        verify=ssl.create_default_context(), retries=0, limits=httpx.Limits(max_connections=64)
    )
    # httpx has no public way to hand in httpcore's network backend; a test holds this line.
    transport._pool._network_backend = _Backend(allowed)
    return transport


class _Backend(httpcore.NetworkBackend):
    def __init__(self, allowed: frozenset[str]) -> None:
        self._inner = httpcore.SyncBackend()
        self._allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        budget = _budget.get()
        if budget is not None:
            timeout = budget.timeout(timeout)
        address = self._checked(host, port)
        stream = self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
        return _Stream(stream)

    def _checked(self, host: str, port: int) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as exc:
            raise httpcore.ConnectError(f"{host} cannot be resolved") from exc
        addresses = [str(entry[4][0]) for entry in found]
        if host in self._allowed or f"{host}:{port}" in self._allowed:
            return addresses[0]
        for address in addresses:
            if not _is_public(address):
                raise AddressRefused(
                    f"{host}:{port} is an address inside a private network. If it is meant, add "
                    f"{host}:{port} to the allowed private hosts in the settings."
                )
        return addresses[0]


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if embedded:
            return embedded.is_global
    return ip.is_global and not ip.is_multicast


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes keep within the call's budget."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        budget = _budget.get()
        if budget is None:
            return self._inner.read(max_bytes, timeout)
        data = self._inner.read(max_bytes, budget.timeout(timeout))
        budget.bytes_left -= len(data)
        if budget.bytes_left < 0:
            raise httpcore.ReadError("the answer is larger than allowed")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        budget = _budget.get()
        self._inner.write(buffer, budget.timeout(timeout) if budget else timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
