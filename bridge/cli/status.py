"""``vaultbridge status``: how everything stands, and what needs a person first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from bridge.cli.moments import Ago
from bridge.cli.printing import print_json
from bridge.cli.session import JSON_OPTION, bridge
from bridge.cli.status_page import print_status
from bridge.overview import look


@click.command()
@click.option(
    "--since",
    type=Ago(),
    default=timedelta(days=7),
    help="How far back completions are counted: 30d, 12h, 2w or a date. Default: 7d.",
)
@JSON_OPTION
def status(since: Any, as_json: bool) -> None:
    """Show on one screen how everything stands, what needs a person first.

    Ends with status 1 while something does.
    """
    told = look(bridge(), since=since)
    if as_json:
        print_json(told)
    else:
        print_status(told)
    if told["needs_a_person"] or told["processes_missing"]:
        raise SystemExit(1)
