"""A load of HTTP requests, made with as little work as can be: the server shares the machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing

from benchmarks.processes import HOST

BOUNDARY = "--------------------------d74496d66958873e"


def multipart(fields: Mapping[str, str], file_field: str, content: bytes) -> bytes:
    """A form with one PDF, as curl sends it."""
    head = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    file = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{file_field}"; '
        'filename="certificate.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
    )
    return f"{head}{file}".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A request as it goes over the wire; the connection stays open."""
    lines = {
        "host": HOST,
        "content-type": f"multipart/form-data; boundary={BOUNDARY}",
        **{name.lower(): value for name, value in headers.items()},
        "content-length": str(len(body)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def seconds(port: int, requests: Sequence[bytes], *, clients: int, wanted: int) -> float:
    """How long so many clients take for all requests; raises RuntimeError at another status."""
    began = time.perf_counter()
    asyncio.run(_all(port, iter(requests), clients, wanted))
    return time.perf_counter() - began


def latencies(port: int, requests: Sequence[bytes], *, a_second: float, wanted: int) -> list[float]:
    """How long each answer took, in seconds; so many requests a second leave, whatever comes back.

    An answer's time counts from when its request was due: where the server stands still, all that
    were due meanwhile have waited. Raises RuntimeError at another status.
    """
    return asyncio.run(_steadily(port, requests, a_second, wanted))


async def _all(port: int, requests: Iterator[bytes], clients: int, wanted: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(_client(port, requests, wanted))


async def _client(port: int, requests: Iterator[bytes], wanted: int) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    with closing(writer):
        for request in requests:
            await _ask(reader, writer, request, wanted)


async def _steadily(
    port: int, requests: Sequence[bytes], a_second: float, wanted: int
) -> list[float]:
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    taken = []
    with ExitStack() as open_ones:

        async def one(request: bytes, due: float) -> None:
            if not idle:
                idle.append(await asyncio.open_connection(HOST, port))
                open_ones.callback(idle[-1][1].close)
            connection = idle.pop()
            await _ask(*connection, request, wanted)
            taken.append(time.perf_counter() - due)
            idle.append(connection)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, request in enumerate(requests):
                due = began + number / a_second
                await asyncio.sleep(due - time.perf_counter())
                group.create_task(one(request, due))
    return taken


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, wanted: int
) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    answer = await reader.readexactly(_length(head))
    if not head.startswith(b"HTTP/1.1 %d" % wanted):
        raise RuntimeError(f"{head.splitlines()[0].decode()}: {answer[:500].decode()}")


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
