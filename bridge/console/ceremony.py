"""All certificates of a class at once, in order of their names: one file to print, or a ZIP."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, cast

import pikepdf
import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.store import issuances

#: Certificates of a ZIP, and of one file: its pages are held together until it is written.
MOST, MOST_MERGED = 5_000, 1_000
#: As much of a file is kept in memory; what is larger lies on the disk.
IN_MEMORY, CHUNK = 8 * 1024 * 1024, 64 * 1024
_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')


def merged(bridge: Bridge, rows: Sequence[sa.Row[Any]]) -> Iterator[bytes]:
    """One PDF of all, each row's ``file_sha256`` after the other."""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as file, pikepdf.new() as whole:
        for row in rows:
            with pikepdf.open(io.BytesIO(_content(bridge, row))) as one:
                whole.pages.extend(one.pages)
        whole.save(cast(BinaryIO, file))
        file.seek(0)
        yield from _read(file)


def zipped(bridge: Bridge, rows: Sequence[sa.Row[Any]]) -> Iterator[bytes]:
    """A ZIP of all, sent while it is written: one file is in memory at a time."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for number, row in enumerate(rows, start=1):
            name = " ".join(_UNFIT.sub(" ", row.full_name).split()).strip(". ")[:100]
            archive.writestr(f"{number:04} {name}.pdf", _content(bridge, row))
            yield sink.taken()
    yield sink.taken()


class _Sink(io.RawIOBase):
    """What is written to it is taken from it, bit by bit."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since it was asked last."""
        waiting, self._waiting = b"".join(self._waiting), []
        return waiting


def _content(bridge: Bridge, row: sa.Row[Any]) -> bytes:
    with bridge.database.read() as conn:
        return issuances.file_content(conn, row.file_sha256)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
