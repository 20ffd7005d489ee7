"""``vaultbridge mappings history|diff``: the versions that a mapping has had."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
import sqlalchemy as sa

from bridge.cli.printing import print_json, print_table
from bridge.cli.publishing import VERSION
from bridge.cli.session import JSON_OPTION, bridge
from bridge.store import events, mapping_versions
from bridge.store.states import IN_USE


@click.command()
@click.argument("name")
@JSON_OPTION
def history(name: str, as_json: bool) -> None:
    """List every version of a mapping, newest first: its state, since when, by whom, and why."""
    with bridge().database.read() as conn:
        versions = mapping_versions.versions(conn, name)
        told = events.history(conn, [row.id for row in versions])
    rows = list(_rows(versions, told))
    if as_json:
        print_json(rows)
    else:
        print_table(("version", "state", "since", "who", "what", "reason"), rows, empty="")


def _rows(
    versions: Sequence[sa.Row[Any]], told: Sequence[sa.Row[Any]]
) -> Iterator[Mapping[str, Any]]:
    last = {event.subject: event for event in told}
    for row in versions:
        event = last.get(row.id)
        yield {
            "id": row.id,
            "version": row.version,
            "state": row.state,
            "since": event.at if event else row.created_at,
            "who": event.who if event else None,
            "what": event.what if event else None,
            "reason": event.detail if event else None,
        }


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
    lines = difflib.unified_diff(
        was.document.splitlines(),
        becomes.document.splitlines(),
        f"{name} version {older}",
        f"{name} version {newer}",
        lineterm="",
    )
    shown = "\n".join(lines)
    click.echo(shown or f"{name}: versions {older} and {newer} say the same.")
