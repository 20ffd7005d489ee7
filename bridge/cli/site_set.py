"""``vaultbridge site set``: change what a site is configured with, and from when it issues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click
import sqlalchemy as sa

from bridge.cli.moments import Moment
from bridge.cli.owners import OWNER_OPTION, told_owners
from bridge.cli.session import AS_OPTION, bridge, person, plain_values
from bridge.cli.site_settings import SET_OPTION, TIMEZONE_OPTION, changed
from bridge.store import accounts, completions, events
from bridge.store.owners import sealed


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
    taken = 0
    with b.database.write() as conn:
        row = accounts.site_named(conn, name)
        now = b.database.now(conn)
        values: dict[str, Any] = {}
        if given:
            secrets = accounts.secrets_of(row, kind="site", keys=b.keys)
            values["settings"] = changed(row, given, secrets)
        if issue_from is not None:
            values["issue_from"] = issue_from
        if timezone is not None:
            values["timezone"] = timezone or None
        if auto_mend is not None:
            values["auto_mend"] = auto_mend
        if owners is not None:
            values["owners"] = sealed(owners, kind="site", name=name, keys=b.keys)
        accounts.change(conn, row.id, kind="site", **values)
        told = _told(given, issue_from, timezone, auto_mend)
        detail = "; ".join([*told, *told_owners(owners)])
        events.record(conn, row.id, "changed", at=now, who=person(who), detail=detail)
        if issue_from is not None:
            taken = _take_up(conn, row, issue_from, now)
    b.ring("normalise")
    click.echo(f"Changed {name}: {detail}.")
    if taken:
        click.echo(f"{taken} known completions from before are looked at again.")
    if issue_from is not None:
        click.echo(f"Those that nobody told us: vaultbridge reconcile --site {name}")


def _told(
    given: Mapping[str, str],
    issue_from: datetime | None,
    timezone: str | None,
    auto_mend: bool | None,
) -> Iterator[str]:
    for key, value in given.items():
        yield f"{key}={value}"
    if issue_from is not None:
        yield f"issues what is completed from {issue_from.astimezone(UTC):%Y-%m-%d %H:%M} UTC on"
    if timezone is not None:
        yield f"days are counted in {timezone or 'the time zone of BRIDGE_TIMEZONE'}"
    if auto_mend is not None:
        yield "the clock mends what it finds" if auto_mend else "the clock only reports"


def _take_up(conn: sa.Connection, row: sa.Row[Any], issue_from: datetime, now: datetime) -> int:
    if issue_from >= accounts.issue_from(row):
        return 0
    return completions.take_up_early(conn, row.id, since=issue_from, now=now)
