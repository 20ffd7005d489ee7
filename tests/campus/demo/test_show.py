"""The display: moving on a terminal, plain lines elsewhere, the same table in both."""

from __future__ import annotations

import io

from rich.console import Console

from campus.demo.rows import Row
from campus.demo.show import Show, table


def shown(*, terminal: bool) -> str:
    console = Console(
        file=io.StringIO(), force_terminal=terminal, width=120, legacy_windows=False, _environ={}
    )
    with Show(console) as show:
        step = show.step("Completing courses", total=2)
        show.say("[bold] is a name")
        step.at(1)
        show.tick()
        step.at(2)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_plain_lines_say_when_a_step_begins_and_ends() -> None:
    lines = shown(terminal=False).splitlines()

    assert ["… Completing courses", "[bold] is a name", "✓ Completing courses (0.0 s)"] == lines


def test_a_terminal_gets_a_bar_that_counts() -> None:
    text = shown(terminal=True)

    assert "1/2" in text
    assert "2/2" in text
    assert "[bold] is a name" in text


def test_the_table_tells_every_row_in_full() -> None:
    console = Console(file=io.StringIO(), width=200, _environ={})
    console.print(
        table(
            [
                Row(
                    learner="A [b]",
                    course="C",
                    state="generated",
                    reference_id="VEC-IC-20260123456789ABC",
                    status="issued",
                    written_back=True,
                ),
                Row(learner="D", course="E", state="held", problem="No font has it."),
            ]
        )
    )
    file = console.file
    assert isinstance(file, io.StringIO)
    cells = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in file.getvalue().splitlines()
        if line.startswith("│")
    ]

    assert [
        ["A [b]", "C", "generated", "VEC-IC-20260123456789ABC", "issued", "yes", ""],
        ["D", "E", "held", "–", "–", "no", "No font has it."],
    ] == cells
