"""How commands print: one JSON document, or a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


#: Wide enough for any row where nobody reads along, so that a program finds one row a line.
NO_LIMIT = 100_000


def print_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, empty: str) -> None:
    """Print rows as a table, or ``empty`` if there are none.

    The first column, which names the row, is never cut or wrapped: it is there to be copied.
    """
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    if not cells:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        widest = max(len(row[0]) for row in cells) if number == 0 else None
        table.add_column(column, overflow="fold", min_width=widest)
    for row in cells:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else NO_LIMIT
    Console(width=width, highlight=False).print(table, markup=False)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)
