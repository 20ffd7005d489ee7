"""``vaultbridge site …``: connections to LMSs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click
import sqlalchemy as sa

from bridge.addresses import shown
from bridge.cli.moments import Moment
from bridge.cli.owners import OWNER_OPTION
from bridge.cli.printing import print_json, print_table
from bridge.cli.session import (
    AS_OPTION,
    JSON_OPTION,
    NEW_NAME,
    bridge,
    person,
    plain_values,
    secret_values,
)
from bridge.cli.site_set import set_
from bridge.cli.site_settings import (
    SECRET_OPTION,
    SET_OPTION,
    TIMEZONE_OPTION,
    mistakes_told,
    refuse_secrets,
)
from bridge.connections import sites
from bridge.connections.sites import hook
from bridge.store import accounts, completions, deliveries, events, write_backs
from bridge.store.owners import of
from bridge.wiring import Bridge
from connectors.base import Capability, Connector, Finding, Target
from runtime.crashpoint import crashpoint
from runtime.settings import MASK


@click.group()
def site() -> None:
    """Sites: connections to learning management systems."""


site.add_command(set_)


@site.command()
@NEW_NAME
@click.option("--connector", required=True, help="moodle, signed, or an installed plug-in's name.")
@SET_OPTION
@SECRET_OPTION
@click.option(
    "--issue-from",
    type=Moment(),
    help="Certify what is completed from this date on (UTC). Default: from now on.",
)
@TIMEZONE_OPTION
@OWNER_OPTION
@AS_OPTION
def add(
    name: str,
    connector: str,
    plain: tuple[str, ...],
    secrets: tuple[str, ...],
    issue_from: datetime | None,
    timezone: str | None,
    owners: tuple[str, ...] | None,
    who: str | None,
) -> None:
    """Add a site and print the address its LMS must deliver to."""
    settings = plain_values(plain)
    refuse_secrets(connector, settings, instead="")
    hidden = secret_values(secrets)
    b = bridge()
    with mistakes_told(connector):
        sites.add(
            b,
            name,
            connector=connector,
            settings=settings,
            secrets=hidden,
            issue_from=issue_from,
            timezone=timezone,
            owners=owners or (),
            who=person(who),
        )
    click.echo(f"Added the site {name}. Its LMS delivers to:\n  {hook(b, connector, name)}")
    click.echo(f"Try the connection: vaultbridge site check {name}")


@site.command(name="list")
@JSON_OPTION
def list_(as_json: bool) -> None:
    """List the sites."""
    b = bridge()
    with b.database.read() as conn:
        rows = [
            {
                "name": row.name,
                "connector": row.connector,
                "hook": hook(b, row.connector, row.name),
                "problem": row.problem,
                "remedy": row.remedy,
            }
            for row in accounts.sites(conn)
        ]
    if as_json:
        print_json(rows)
    else:
        columns = ("name", "connector", "hook", "problem", "remedy")
        print_table(columns, rows, empty="No site yet: vaultbridge site add NAME …")


@site.command()
@click.argument("name")
@click.option("--because", required=True, help="Why that is safe, for the history.")
@AS_OPTION
def resume(name: str, because: str, who: str | None) -> None:
    """Let a restored site send, though no reconciliation has found that it knows everything."""
    try:
        sites.send_again(bridge(), name, because=because, who=person(who))
    except sites.SendsAlready as exc:
        raise click.ClickException(str(exc)) from exc
    click.echo(f"The site {name} sends again.")


@site.command()
@click.argument("name")
@JSON_OPTION
def show(name: str, as_json: bool) -> None:
    """Show one site: its hook's address, settings (secrets masked), what it sends unasked."""
    b = bridge()
    with b.database.read() as conn:
        row = accounts.site_named(conn, name)
        secrets = accounts.secrets_of(row, kind="site", keys=b.keys)
        owners = of(row, kind="site", keys=b.keys)
        unwanted = {e.event_name: e.count for e in deliveries.unwanted(conn, row.id)}
        refused = [
            {"hour": r.hour, "reason": r.reason, "count": r.count}
            for r in deliveries.refusals(conn)
            if r.site_name == name
        ]
    told = {
        "id": row.id,
        "name": row.name,
        "connector": row.connector,
        "hook": hook(b, row.connector, row.name),
        "settings": row.settings,
        "issue_from": accounts.issue_from(row),
        "timezone": row.timezone,
        "auto_mend": row.auto_mend,
        "unsure_since": row.unsure_since,
        "secrets": dict.fromkeys(secrets, MASK),
        "owners": [*map(shown, owners)],
        "problem": row.problem,
        "remedy": row.remedy,
        "unwanted_events": unwanted,
        "refused": refused[:24],
    }
    if as_json:
        print_json(told)
        return
    for key, value in told.items():
        click.echo(f"{key:16} {value if value is not None else ''}")


@site.command()
@click.argument("name")
def check(name: str) -> None:
    """Try each permission the site needs, one by one; say what is missing and where to grant it."""
    missing = 0
    for finding in sites.check(bridge(), name):
        click.echo(f"{_mark(finding)} {finding.name}")
        if finding.note:
            click.echo(f"    {finding.note}")
        if not finding.ok:
            missing += 1
            click.echo(f"    {finding.problem or 'It is missing.'}")
            if finding.remedy:
                click.echo(f"    → {finding.remedy}")
    if missing:
        raise click.ClickException(f"{missing} missing. Grant them and check again.")
    click.echo("All there.")


def _mark(finding: Finding) -> str:
    if not finding.ok:
        return "✗"
    return "–" if finding.note else "✓"


def _connector(name: str) -> tuple[Bridge, sa.Row[Any], Connector[Any]]:
    b = bridge()
    with b.database.read() as conn:
        row = accounts.site_named(conn, name)
    return b, row, b.connector_of(row)


@site.command()
@click.argument("name")
@SECRET_OPTION
@click.option("--drop-old", is_flag=True, help="Of a list of secrets, keep none of the old ones.")
@AS_OPTION
def rotate(name: str, secrets: tuple[str, ...], drop_old: bool, who: str | None) -> None:
    """Replace secrets without a restart. Of a list, the old ones stay good until --drop-old."""
    given = secret_values(secrets)
    if not given and not drop_old:
        raise click.UsageError("Say what to replace: --secret KEY=@FILE")
    b = bridge()
    with b.database.read() as conn:
        connector = accounts.site_named(conn, name).connector
    with mistakes_told(connector):
        sites.rotate(b, name, given, drop_old=drop_old, who=person(who))
    click.echo(f"Replaced. Try it: vaultbridge site check {name}")


@site.command()
@click.argument("name")
@AS_OPTION
def remove(name: str, who: str | None) -> None:
    """Take a site out of use: its hook answers 401 from now on. Its history stays."""
    sites.remove(bridge(), name, who=person(who))
    click.echo(f"Removed {name}. Its name is not given again.")


@site.command()
@click.argument("name")
@click.option("--course", "course_ids", multiple=True, help="A course's id; default: all known.")
@click.option("--create", is_flag=True, help="Create the place where a course has none.")
@JSON_OPTION
def courses(name: str, course_ids: tuple[str, ...], create: bool, as_json: bool) -> None:
    """List the courses whose certificates have no place in the gradebook yet."""
    b, row, connector = _connector(name)
    if Capability.TARGETS not in connector.capabilities():
        raise click.ClickException(f"The connector {row.connector} needs no place in a course.")
    with b.database.read() as conn:
        known = course_ids or completions.course_ids(conn, row.id)
        waiting = {w.course_id: w.count for w in write_backs.waiting(conn, row.id)}
    targets = [t for t in connector.targets(known) if not t.found]
    if create:
        targets = _create(b, row, connector, targets)
    rows = [
        {
            "course": t.course_id,
            "title": t.title,
            "found": t.found,
            "waiting": waiting.get(t.course_id, 0),
            "problem": t.problem,
            "remedy": t.remedy,
        }
        for t in targets
    ]
    if as_json:
        print_json(rows)
    else:
        columns = ("course", "title", "found", "waiting", "problem", "remedy")
        print_table(columns, rows, empty="Every course has its place for certificates.")


def _create(
    b: Bridge, row: sa.Row[Any], connector: Connector[Any], targets: Sequence[Target]
) -> list[Target]:
    made = []
    for target in targets:
        made.append(connector.create_target(target.course_id))
        crashpoint("site.created")
    with b.database.write() as conn:
        now = b.database.now(conn)
        for target in made:
            if target.found:
                write_backs.waiting_in(conn, row.id, target.course_id, now=now)
        if made:
            after = {"courses": [target.course_id for target in made if target.found]}
            what = "places made in courses"
            events.record(conn, row.id, what, at=now, who=person(None), after=after)
        crashpoint("site.noting")
    crashpoint("site.noted")
    b.ring("write_back")
    return made
