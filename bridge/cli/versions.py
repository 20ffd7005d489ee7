"""``vaultbridge mappings history|diff|announce``: what was said and changed of a mapping."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
import sqlalchemy as sa

from bridge.cli.moments import Moment
from bridge.cli.printing import print_json, print_table
from bridge.cli.publishing import REASON_OPTION, VERSION
from bridge.cli.session import AS_OPTION, JSON_OPTION, bridge, person
from bridge.pipeline import publishing
from bridge.store import announcements, events, mapping_versions
from bridge.store.states import IN_USE


@click.command()
@click.argument("name")
@JSON_OPTION
def history(name: str, as_json: bool) -> None:
    """List every step of a mapping's versions, newest first: when, by whom, and why.

    A version's state stands beside its last step.
    """
    with bridge().database.read() as conn:
        versions = mapping_versions.versions(conn, name)
        told = events.history(conn, [row.id for row in versions])
        said = announcements.of(conn, name)
    rows = [*map(_announced, said), *_rows(versions, told)]
    if as_json:
        print_json(rows)
    else:
        print_table(("version", "state", "since", "who", "what", "reason"), rows, empty="")


def _rows(
    versions: Sequence[sa.Row[Any]], told: Sequence[sa.Row[Any]]
) -> Iterator[Mapping[str, Any]]:
    steps = defaultdict(list)
    for event in reversed(told):
        steps[event.subject].append(event)
    for row in versions:
        state = row.state
        for event in steps[row.id] or [None]:
            yield {
                "id": row.id,
                "version": row.version,
                "state": state,
                "since": event.at if event else row.created_at,
                "who": event.who if event else None,
                "what": event.what if event else None,
                "reason": event.detail if event else None,
            }
            state = None


def _announced(row: sa.Row[Any]) -> Mapping[str, Any]:
    return {
        "id": row.id,
        "version": None,
        "state": "announced",
        "since": row.created_at,
        "who": row.who,
        "what": f"{row.number:,} at once until {row.until:%Y-%m-%d %H:%M}",
        "reason": row.reason,
    }


@click.command()
@click.argument("name")
@click.argument("number", type=click.IntRange(min=1))
@click.option(
    "--until",
    type=Moment(),
    required=True,
    help="Until when, in UTC: 2026-12-01, or 2026-12-01T18:00.",
)
@REASON_OPTION
@AS_OPTION
def announce(name: str, number: int, until: datetime, reason: str | None, who: str | None) -> None:
    """Say that up to NUMBER completions of a course in one day are meant: they are not held.

    What is held already goes on waiting for `vaultbridge release`.
    """
    b = bridge()
    try:
        publishing.announce(b, name, number=number, until=until, who=person(who), reason=reason)
    except publishing.Passed as exc:
        raise click.BadParameter(str(exc), param_hint="--until") from exc
    click.echo(f"{name}: up to {number:,} a day are meant until {until:%Y-%m-%d %H:%M} UTC.")


@click.command()
@click.argument("name")
@click.argument("old", type=VERSION, required=False)
@click.argument("new", type=VERSION, required=False)
def diff(name: str, old: int | None, new: int | None) -> None:
    """Show what differs between two versions of a mapping.

    Without NEW the active version, or else the newest, is meant; without OLD the one before it.
    """
    with bridge().database.read() as conn:
        versions = mapping_versions.versions(conn, name)
        newer = new or next(
            (row.version for row in versions if row.state in IN_USE), versions[0].version
        )
        older = old or max(newer - 1, 1)
        was = mapping_versions.version(conn, name, older)
        becomes = mapping_versions.version(conn, name, newer)
    lines = publishing.diff(was, becomes)
    shown = "\n".join(lines)
    click.echo(shown or f"{name}: versions {older} and {newer} say the same.")
