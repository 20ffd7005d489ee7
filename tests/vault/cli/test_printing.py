"""Lists: a table at a terminal, lines with tabs for a program, nothing that steers a terminal."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from io import StringIO

import pytest

from vault.cli import printing

COLUMNS = ("id", "what", "when")
FOUND = [("a1", "x\x1b[31m\ty", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)), ("b", None, None)]


class Terminal(StringIO):
    """Where a person reads along."""

    def isatty(self) -> bool:
        return True


def printed(out: StringIO, found: list[tuple[printing.Cell, ...]]) -> str:
    before, sys.stdout = sys.stdout, out
    try:
        printing.rows(COLUMNS, found, empty="There is none.")
    finally:
        sys.stdout = before
    return out.getvalue()


def test_a_program_reads_one_row_a_line_and_nothing_else() -> None:
    assert "a1\tx [31m y\t2026-01-02 03:04Z\nb\t\t\n" == printed(StringIO(), FOUND)
    assert "" == printed(StringIO(), [])


def test_a_person_reads_a_table_or_that_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    lines = [line.rstrip() for line in printed(Terminal(), FOUND).splitlines()]

    assert ["id  what      when", "a1  x [31m y  2026-01-02 03:04Z", "b"] == lines
    assert "There is none.\n" == printed(Terminal(), [])
