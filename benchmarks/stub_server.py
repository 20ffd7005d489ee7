"""An HTTP server that costs next to nothing: what is measured shares the machine with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.processes import HOST

#: A page of a list, or a bulk upload, is longer than asyncio's own limit of a buffer.
LONGEST = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    method: str
    path: str  #: with its query
    headers: str  #: as they came
    body: bytes


#: What is answered: the status and a JSON text.
Answer = Callable[[Asked], tuple[int, bytes]]


def serve(port: int, answer: Answer) -> None:
    """Serve until the process is ended; one request after the other, connections kept."""
    asyncio.run(_serve(port, answer))


async def _serve(port: int, answer: Answer) -> None:
    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = await _read(reader)
                status, text = answer(asked)
                head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
                writer.write(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(client, HOST, port, limit=LONGEST)
    await server.serve_forever()


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, _, headers = head.partition("\r\n")
    method, path, _ = first.split(" ")
    length = header(headers, "content-length")
    body = await reader.readexactly(int(length or 0))
    return Asked(method=method, path=path, headers=headers, body=body)


def header(headers: str, name: str) -> str:
    """One header's value; empty where it is not there."""
    lines = (line.partition(":") for line in headers.split("\r\n"))
    return next((value.strip() for found, _, value in lines if found.lower() == name), "")
