"""``vaultbridge mappings history|diff|restore``: the versions that a mapping has had."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
import sqlalchemy as sa

from bridge.cli.documents import known_here, read_or_tell
from bridge.cli.printing import print_json, print_table
from bridge.cli.session import AS_OPTION, JSON_OPTION, bridge, person
from bridge.pipeline.publishing import publish
from bridge.store import events, mapping_versions

REASON_OPTION = click.option("--reason", help="Why, for the history.")
VERSION = click.IntRange(min=1)


@click.command()
@click.argument("name")
@JSON_OPTION
def history(name: str, as_json: bool) -> None:
    """List every version of a mapping, newest first: since when, by whom, and why."""
    with bridge().database.read() as conn:
        versions = mapping_versions.versions(conn, name)
        told = events.history(conn, [row.id for row in versions])
    rows = list(_rows(versions, told))
    if as_json:
        print_json(rows)
    else:
        print_table(("version", "active", "since", "who", "what", "reason"), rows, empty="")


def _rows(
    versions: Sequence[sa.Row[Any]], told: Sequence[sa.Row[Any]]
) -> Iterator[Mapping[str, Any]]:
    made = {event.subject: event for event in reversed(told)}  # the first of each: how it came
    for row in versions:
        event = made.get(row.id)
        yield {
            "id": row.id,
            "version": row.version,
            "active": "yes" if row.active else "",
            "since": row.created_at,
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
        newer = new or next((row.version for row in versions if row.active), versions[0].version)
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


@click.command()
@click.argument("name")
@click.argument("number", metavar="VERSION", type=VERSION)
@REASON_OPTION
@AS_OPTION
def restore(name: str, number: int, reason: str | None, who: str | None) -> None:
    """Make what an earlier VERSION says the active version again, under a new number.

    What was issued stays as it is.
    """
    b = bridge()
    with b.database.read() as conn:
        document: str = mapping_versions.version(conn, name, number).document
    # An issuer that it names may be gone by now.
    if read_or_tell(document, f"{name} version {number}", known_here(b)) is None:
        raise SystemExit(1)
    with b.database.write() as conn:
        version, new = publish(
            conn,
            name,
            document,
            now=b.database.now(conn),
            who=person(who),
            reason=reason,
            what=f"restored from version {number}",
        )
    tell_published(name, version, new=new)


def tell_published(name: str, version: int, *, new: bool) -> None:
    """Say which version of a mapping is active now, and whether it was before."""
    said = "is active now" if new else "is active already; nothing changed"
    click.echo(f"{name}: version {version} {said}.")
