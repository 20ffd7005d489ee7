"""Cells that a spreadsheet shows and never calculates."""

from __future__ import annotations

import pytest

from runtime import spreadsheets


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+971 4 123 4567",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1+1",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
        "=cmd|' /C calc'!A0",
    ],
)
def test_what_might_be_a_formula_begins_with_an_apostrophe(cell: str) -> None:
    assert f"'{cell}" == spreadsheets.safe(cell)


@pytest.mark.parametrize("cell", ["John Smith", "'quoted'", "1 = 1", "a\n=1", "محمد", "王明华", ""])
def test_all_else_is_left_as_it_is(cell: str) -> None:
    assert cell == spreadsheets.safe(cell)
