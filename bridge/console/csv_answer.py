"""Tables to take away: CSV that a spreadsheet shows and never calculates, sent row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flask import Response

from runtime import spreadsheets


def csv_answer(name: str, columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> Response:
    """An answer that the browser keeps as ``NAME.csv``; rows are read as they are sent."""
    return kept(f"{name}.csv", _encoded(spreadsheets.lines(columns, rows)), "text/csv")


def kept(name: str, content: Iterable[bytes], mimetype: str) -> Response:
    """An answer that the browser keeps as a file of that name."""
    answer = Response(content, mimetype=mimetype)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _encoded(lines: Iterator[str]) -> Iterator[bytes]:
    yield "\ufeff".encode()  # by its mark, spreadsheets read it as UTF-8
    for line in lines:
        yield line.encode()
