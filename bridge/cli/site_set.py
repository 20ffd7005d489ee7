"""``vaultbridge site set``: change what a site is configured with, and from when it issues."""

from __future__ import annotations

from datetime import datetime

import click

from bridge.cli.moments import Moment
from bridge.cli.owners import OWNER_OPTION
from bridge.cli.session import AS_OPTION, bridge, person, plain_values
from bridge.cli.site_settings import SET_OPTION, TIMEZONE_OPTION, mistakes_told, refuse_secrets
from bridge.connections import sites
from bridge.connections.sites import Changes
from bridge.store import accounts
from runtime.counting import counted


@click.command(name="set")
@click.argument("name")
@SET_OPTION
@click.option(
    "--issue-from",
    type=Moment(),
    help="Certify what is completed from this date on (UTC). What was completed earlier and is "
    "known is taken up.",
)
@TIMEZONE_OPTION
@click.option(
    "--auto-mend/--no-auto-mend",
    default=None,
    help="Whether reconciliation by the clock also mends what it finds.",
)
@OWNER_OPTION
@AS_OPTION
def set_(
    name: str,
    plain: tuple[str, ...],
    issue_from: datetime | None,
    timezone: str | None,
    auto_mend: bool | None,
    owners: tuple[str, ...] | None,
    who: str | None,
) -> None:
    """Change a site: settings of its connector (--set KEY= takes one away), what is certified."""
    given = plain_values(plain)
    if not given and all(v is None for v in (issue_from, timezone, auto_mend, owners)):
        raise click.UsageError(
            "Say what to change: --set, --issue-from, --timezone, --auto-mend or --owner."
        )
    b = bridge()
    with b.database.read() as conn:
        connector = accounts.site_named(conn, name).connector
    refuse_secrets(connector, given, instead=f"vaultbridge site rotate {name}")
    with mistakes_told(connector):
        done = sites.change(
            b,
            name,
            Changes(
                settings=given,
                issue_from=issue_from,
                timezone=timezone,
                auto_mend=auto_mend,
                owners=owners,
            ),
            who=person(who),
        )
    click.echo(f"Changed {name}: {done.told}.")
    if done.taken_up:
        one, many = "known completion from before is", "known completions from before are"
        click.echo(f"{counted(done.taken_up, one, many)} looked at again.")
    if issue_from is not None:
        click.echo(f"Those that nobody told us: vaultbridge reconcile --site {name}")
