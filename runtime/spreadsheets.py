"""Tables for spreadsheets: UTF-8 with its mark, CRLF, and no cell that calculates."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

#: What a spreadsheet would take for the beginning of a formula, in East Asian width as well
#: (owasp.org/www-community/attacks/CSV_Injection).
ACTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> None:
    """Write a table."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        file.write(text(columns, rows))


def text(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """A table as a text; its lines end in CRLF, as RFC 4180 says."""
    return "".join(lines(columns, rows))


def lines(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> Iterator[str]:
    """A table line by line, for one that is too long to be held whole."""
    yield _line(columns)
    for row in rows:
        yield _line([safe(cell) for cell in row])


def _line(cells: Sequence[str]) -> str:
    made = io.StringIO(newline="")
    csv.writer(made).writerow(cells)
    return made.getvalue()


def safe(cell: str | None) -> str:
    """A text as a cell that is shown and never calculated: one that might be begins with ``'``."""
    text = cell or ""
    return f"'{text}" if text.startswith(ACTS) or text.lstrip().startswith(ACTS) else text
