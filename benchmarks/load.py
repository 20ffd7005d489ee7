"""A load of HTTP requests, made with as little work as can be: the server shares the machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.vaults import HOST

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
        "Host": HOST,
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def seconds(port: int, requests: Sequence[bytes], *, clients: int) -> float:
    """How long so many clients take for all requests; raises RuntimeError unless all give 201."""
    began = time.perf_counter()
    asyncio.run(_all(port, iter(requests), clients))
    return time.perf_counter() - began


async def _all(port: int, requests: Iterator[bytes], clients: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(_client(port, requests))


async def _client(port: int, requests: Iterator[bytes]) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    for request in requests:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        answer = await reader.readexactly(_length(head))
        if not head.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(f"{head.splitlines()[0].decode()}: {answer[:500].decode()}")
    writer.close()


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
