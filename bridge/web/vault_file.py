"""A certificate's file, streamed from the vault to the learner; nothing of it is kept here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol
from urllib.parse import quote

import httpx
import structlog
from flask import Response

from bridge.vault_client import Unavailable

PDF = b"%PDF-"
#: File systems take 255 bytes; browsers add " (1)" and more.
LONGEST_NAME = 180
CHUNK = 64 * 1024
_FORBIDDEN = frozenset('\\/:*?"<>|%')


log = structlog.get_logger()


class Answer(Protocol):
    """What the vault's client hands out: an httpx.Response, as far as it is needed."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The answer's headers, whatever their case."""

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The body, decoded."""


def stream(download: AbstractContextManager[Answer], *, name: str) -> Response:
    """Answer with the vault's file under a readable ``name``.

    Raises bridge.vault_client's NotReady, Unavailable or Forbidden before anything is answered:
    also where the vault says 200 and sends something that is no PDF.
    """
    with ExitStack() as stack:
        answer = stack.enter_context(download)
        chunks = answer.iter_bytes(CHUNK)
        first = next(chunks, b"")
        if not first.startswith(PDF):
            raise Unavailable("The vault answered 200 with something that is no PDF.")
        response = Response(_rest(first, chunks), mimetype="application/pdf")
        response.call_on_close(stack.pop_all().close)
    response.headers["Content-Disposition"] = disposition(name)
    if "content-encoding" not in answer.headers and "content-length" in answer.headers:
        # So that a browser knows a file cut off on the way from a whole one.
        response.headers["Content-Length"] = answer.headers["content-length"]
    return response


def _rest(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    try:
        yield from chunks
    except httpx.HTTPError as exc:
        # Too late for a page: the connection is cut, which is how a browser knows.
        log.warning("download_cut", reason=type(exc).__name__)
        raise


def disposition(name: str) -> str:
    """An attachment under a name in any script (RFC 6266, RFC 5987), with a plain one beside."""
    return f"attachment; filename=\"certificate.pdf\"; filename*=UTF-8''{quote(name, safe='')}"


def file_name(*parts: str | None) -> str:
    """A file name that every system takes, made of a person's name and a title."""
    wanted = " - ".join(part for part in map(_clean, parts) if part) or "certificate"
    return f"{_cut(wanted)}.pdf"


def _clean(part: str | None) -> str:
    # Controls and marks of direction (category C) can make a name look like another.
    kept = [
        " " if char in _FORBIDDEN or unicodedata.category(char).startswith("Z") else char
        for char in unicodedata.normalize("NFC", part or "")
        if char in "\u200c\u200d" or not unicodedata.category(char).startswith("C")
    ]
    return " ".join("".join(kept).split()).strip(" .-")


def _cut(name: str) -> str:
    return name.encode()[:LONGEST_NAME].decode(errors="ignore").rstrip(" .-")
