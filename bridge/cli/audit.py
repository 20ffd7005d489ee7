"""``vaultbridge audit``: who did what to which, and what it changed."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from bridge.cli.moments import Ago, Moment
from bridge.cli.printing import print_table
from bridge.cli.session import bridge
from bridge.pipeline import audit as log
from bridge.store.acts import Filters
from runtime import spreadsheets

SHOWN = 100


@click.command()
@click.option("--who", default="", help="Only what this person did, as the log calls them.")
@click.option("--kind", default="", help="Only what was done to this kind: site, person, hold …")
@click.option(
    "--which", default="", help="Only what was done to this: a name, an address or an id."
)
@click.option("--since", type=Ago(), help="How far back: 30d, 12h, 2w or a date.")
@click.option("--until", type=Moment(), help="Only what was done before (UTC).")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"How many, newest. Default: {SHOWN} in a table, otherwise all.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV for a spreadsheet.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an act a line.")
def audit(
    who: str,
    kind: str,
    which: str,
    since: timedelta | datetime | None,
    until: datetime | None,
    limit: int | None,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Tell who did what to which, with before and after, newest first."""
    b = bridge()
    filters = Filters(
        who=who,
        kind=kind,
        which=which,
        since=b.now() - since if isinstance(since, timedelta) else since,
        until=until,
    )
    if not (as_csv or as_json):
        found = log.every(b, filters, limit=limit or SHOWN)
        rows = [dict(zip(log.COLUMNS, log.cells(act), strict=True)) for act in found]
        columns = tuple(name for name in log.COLUMNS if name != "subject")
        print_table(columns, rows, empty="Nobody did that.")
        return
    every = log.every(b, filters, limit=limit)
    table = spreadsheets.lines(log.COLUMNS, map(log.cells, every))
    for line in log.lines(every) if as_json else table:
        click.echo(line, nl=False)
