"""Tables: whole where a program reads them, and their first column whole everywhere."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.cli.printing import print_json, print_table

ID = "is_01a20846fe00907e589d0b"


def test_a_table_is_one_line_a_row_and_takes_nothing_for_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = {"id": ID, "what": "[bold]x[/bold] " * 20, "at": datetime(2026, 1, 2, tzinfo=UTC)}

    print_table(("id", "what", "at", "none"), [row, {"id": "b"}], empty="Nothing.")

    header, first, second = capsys.readouterr().out.splitlines()
    assert ["id", "what", "at", "none"] == header.split()
    assert first.startswith(f"{ID}  [bold]x[/bold] ")
    assert first.rstrip().endswith("2026-01-02 00:00:00")
    assert "b" == second.strip()


def test_on_a_narrow_screen_the_first_column_stays_whole_and_the_rest_is_folded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")

    print_table(("id", "problem"), [{"id": ID, "problem": "x" * 90}], empty="")

    out = capsys.readouterr().out
    assert ID in out
    assert 90 == out.count("x")


def test_nothing_is_said_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("id",), [], empty="Nothing.")

    assert "Nothing.\n" == capsys.readouterr().out


def test_json_keeps_every_script_and_writes_moments_as_iso(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_json({"name": "محمد", "at": datetime(2026, 1, 2, tzinfo=UTC)})

    said = '{\n  "name": "محمد",\n  "at": "2026-01-02T00:00:00+00:00"\n}\n'
    assert said == capsys.readouterr().out
