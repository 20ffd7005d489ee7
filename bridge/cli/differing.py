"""How differences are printed: by cause, each with what is the matter, and what mends it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import click

from bridge.pipeline.reconcile.causes import CAUSES

#: Printed of one cause; the others are a command away.
EXAMPLES = 5


def print_by_cause(rows: Sequence[Mapping[str, Any]], *, examples: int | None = EXAMPLES) -> None:
    """Print differences grouped by cause, in the order of the causes; a line or two each."""
    order = list(CAUSES)
    by_cause = sorted(rows, key=lambda row: order.index(row["cause"]))  # keeps their order
    for number, (cause, group) in enumerate(groupby(by_cause, key=lambda row: row["cause"])):
        if number:
            click.echo("")
        for line in _group(cause, list(group), examples):
            click.echo(line)


def _group(cause: str, rows: list[Mapping[str, Any]], examples: int | None) -> Iterator[str]:
    yield f"{click.style(cause, bold=True)} ({len(rows)})  {CAUSES[cause].text}"
    shown = rows[:examples]
    alike = len({(row["remedy"], row["command"]) for row in rows}) == 1
    for row in shown:
        yield f"  {row['id']}  {row['problem']}"
        if not alike:
            yield from _mending(row, "      ")
    if len(rows) > len(shown):
        yield f"  … and {len(rows) - len(shown)} more: vaultbridge differences --cause {cause}"
    if alike:
        yield from _mending(rows[0], "  ")


def _mending(row: Mapping[str, Any], indent: str) -> Iterator[str]:
    yield f"{indent}{row['remedy']}"
    if row["command"]:
        yield f"{indent}→ {row['command']}"
