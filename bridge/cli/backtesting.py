"""``vaultbridge mappings backtest``: what a draft would change, before it is the active one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from bridge.cli.documents import known_here, load_or_tell
from bridge.cli.printing import print_json
from bridge.cli.session import JSON_OPTION, bridge
from bridge.pipeline import backtest as backtesting
from bridge.pipeline.backtest import COLLIDING, WORST_FIRST, Tested, colliding, totals
from mappings.comparing import Change


@click.command()
@click.argument("draft", type=click.Path(path_type=Path))
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="How many completions, newest first.",
)
@click.option("--site", help="Those of one site alone.")
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="How many of each kind to show.",
)
@JSON_OPTION
def backtest(draft: Path, last: int, site: str | None, examples: int, as_json: bool) -> None:
    """Tell what a DRAFT of a mapping would change, over completions really received.

    The draft stands in for the active version of its name, or beside the others if its name is
    new. Nothing is written or sent.
    """
    b = bridge()
    document = load_or_tell(draft, known_here(b, beside=False))
    if document is None:
        raise SystemExit(1)
    found = list(backtesting.backtest(b, document, last=last, site=site))
    if as_json:
        print_json(_as_json(found))
        return
    for line in lines(found, examples):
        click.echo(line)


def _as_json(found: Sequence[Tested]) -> dict[str, object]:
    return {
        "completions": len({one.completion_id for one in found}),
        "totals": totals(found),
        "differing": [_told(one) for one in found if one.difference.change is not Change.SAME],
    }


def _told(one: Tested) -> dict[str, object]:
    difference = one.difference
    return {
        "completion": one.completion_id,
        "course": one.course,
        "mapping": difference.by.name,
        "change": difference.change.value,
        "fields": {
            name: {"before": before, "after": after}
            for name, (before, after) in difference.fields.items()
        },
        "problem": difference.problem,
        "collides_with": one.collides_with,
    }


def lines(found: Sequence[Tested], examples: int) -> Iterator[str]:
    """Totals first, then so many examples of each kind, field by field."""
    if not found:
        yield "Of the completions received so far no mapping wants any, with the draft or without."
        return
    width = len(str(len(found)))
    for what, count in totals(found).items():
        if count or what == Change.SAME:
            yield f"{count:{width}} {what}"
    yield from _examples(COLLIDING, colliding(found), examples)
    for change in WORST_FIRST:
        those = [one for one in found if one.difference.change is change]
        yield from _examples(change, those, examples)


def _examples(what: str, those: Sequence[Tested], count: int) -> Iterator[str]:
    if not those or not count:
        return
    yield f"\n{what.capitalize()}:"
    for one in those[:count]:
        yield from _example(one)
    if len(those) > count:
        yield f"  … and {len(those) - count} more: --examples {len(those)}, or --json"


def _example(one: Tested) -> Iterator[str]:
    difference = one.difference
    yield f"  {one.completion_id}  {one.course} ({difference.by.name})"
    for name, (before, after) in difference.fields.items():
        yield f"    {name}: {_shown(before)} -> {_shown(after)}"
    if difference.problem is not None:
        yield f"    {difference.problem}"
    if one.collides_with is not None:
        yield f"    the same e-mail, title and issue date as {one.collides_with}"


def _shown(value: str | None) -> str:
    return "nothing" if value is None else value
