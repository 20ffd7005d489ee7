"""How lists are printed: a table for a person, lines with tabs for a program."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

import click

#: A cell: None is empty.
Cell = str | int | datetime | None


def rows(columns: Sequence[str], found: Iterable[Sequence[Cell]], *, empty: str) -> None:
    """Print rows; at a terminal under the names of their columns, or ``empty`` if there are none.

    Elsewhere each is a line of its own with a tab between the cells, and nothing but rows.
    """
    lines = [[cell(value) for value in row] for row in found]
    if not sys.stdout.isatty():
        for line in lines:
            click.echo("\t".join(line))
    elif lines:
        _table(columns, lines)
    else:
        click.echo(empty)


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415  # a tenth of a second, for a person alone
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        # The first names the row: it is there to be copied.
        widest = max(len(line[0]) for line in lines) if number == 0 else None
        table.add_column(column, overflow="fold", min_width=widest)
    for line in lines:
        table.add_row(*line)
    Console(highlight=False).print(table, markup=False)


def cell(value: Cell) -> str:
    """A value in one line; what could steer a terminal is left out."""
    text = moment(value) if isinstance(value, datetime) else "" if value is None else str(value)
    return "".join(char if char.isprintable() else " " for char in text)


def moment(when: datetime) -> str:
    """A moment to the minute, in UTC."""
    return f"{when:%Y-%m-%d %H:%M}Z"
