"""The display: moving on a terminal, plain lines elsewhere, the same table in both."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from campus.demo.rows import Row
from campus.demo.show import Show, remarks, table


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


ROWS = [
    Row(
        learner="A [b] " + "x" * 120,
        course="C",
        state="generated",
        reference_id="VEC-IC-20260123456789ABC",
        status="issued",
        written_back=True,
    ),
    Row(learner="D", course="E", state="held", problem="No font has it."),
]


def printed(width: int) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=width, _environ={})
    console.print(table(ROWS, width=width))
    file = console.file
    assert isinstance(file, io.StringIO)
    return [line.split() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_tells_states_and_reference_ids_in_full_at_any_width(width: int) -> None:
    lines = printed(width)

    assert ["C", "generated", "VEC-IC-20260123456789ABC", "yes"] in [line[-4:] for line in lines]
    assert ["D", "E", "held", "–", "no"] in lines


def test_remarks_stand_below_the_table() -> None:
    assert ["D, E: No font has it."] == remarks(ROWS)
