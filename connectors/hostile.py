"""What the contract suite attacks with: hostile headers, damaged bodies, servers with a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import httpx

from connectors.base import ConnectorError, Json, Permanent, Temporary

Handler: TypeAlias = Callable[[httpx.Request], httpx.Response]

HOSTILE_VALUES = (
    "",
    " ",
    "garbage",
    "v1,a,b",
    "v1,",
    "v1,@@@",
    "v1,é",
    "v1a,AAAA v1,AAAA ",
    "é",
    "\ud800",
    "\x00",
    "0" * 4096,
    "=",
    "e30.e30.",
    "-1",
    "+1",
    "1_0",
    "١٢٣",
    "9" * 12,
    "nan",
)
HOSTILE_BODIES = (
    b"",
    b" ",
    b"\xff",
    b"\x00",
    b"null",
    b'"token"',
    b"[" * 100_000,
    b"{",
    b"NaN",
    b"9" * 5000,
    b'{"token": "\\ud800"}',
    b'{"token": null}',
    b'{"token": {}}',
)
WRONG: tuple[Json, ...] = (
    None,
    "",
    "x",
    "x" * 300,
    "\ud800",
    "\x00",
    "2026-01-15T11:59:00",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    0,
    -1,
    1.5,
    1e300,
    10**30,
    True,
    [],
    {},
    [[]],
    {"id": {}},
)


def damaged(value: Json) -> Iterator[Json]:
    """Every copy of ``value`` with one part removed, or replaced by a wrong one."""
    yield from WRONG
    if isinstance(value, dict):
        for key, child in value.items():
            yield {k: v for k, v in value.items() if k != key}
            for hurt in damaged(child):
                yield {**value, key: hurt}
    elif isinstance(value, list):
        for index, child in enumerate(value):
            for hurt in damaged(child):
                yield [*value[:index], hurt, *value[index + 1 :]]


def _timeout(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("slow", request=request)


def _refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def status(code: int, **options: Any) -> Handler:
    """A server that gives every request the same answer."""
    return lambda _: httpx.Response(code, **options)


#: What an LMS's server may do to us, and what a connector must make of it.
FAULTS: Mapping[str, tuple[Handler, type[ConnectorError]]] = {
    "bad token": (status(401), Permanent),
    "forbidden": (status(403, json={"message": "no"}), Permanent),
    "gone": (status(404), Permanent),
    "moved": (status(302, headers={"location": "/login"}), Permanent),
    "time-out at the server": (status(408), Temporary),
    "too early": (status(425), Temporary),
    "too many": (status(429, headers={"retry-after": "30"}), Temporary),
    "strange wait": (status(429, headers={"retry-after": "-1e9"}), Temporary),
    "broken": (status(500, text="<html>"), Temporary),
    "down": (status(503), Temporary),
    "maintenance page": (status(200, text="<html>Back soon"), Temporary),
    "empty": (status(200), Temporary),
    "slow": (_timeout, Temporary),
    "unreachable": (_refused, Temporary),
}


def after(
    good: int,
    answer: Handler,
    fault: Handler,
) -> Handler:
    """A server that answers so many requests and then has a fault."""
    left = iter(range(good))
    return lambda request: fault(request) if next(left, None) is None else answer(request)


def losing(good: int, answer: Handler) -> Handler:
    """A server that does what the request after so many asks, and whose answer is then lost."""

    def lost(request: httpx.Request) -> httpx.Response:
        answer(request)
        raise httpx.ReadTimeout("the answer was lost", request=request)

    return after(good, answer, lost)
