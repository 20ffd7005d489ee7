"""Where a folder of documents and the database have both changed, and how that is told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import click
import sqlalchemy as sa

from bridge.cli.folder import Folder, Standing
from bridge.store import events

#: How a command ends that would have to write over what it does not know.
CONFLICT = 3


def conflicts_of(
    conn: sa.Connection,
    here: Folder,
    there: Mapping[str, sa.Row[Any]],
    taken: Collection[str] = (),
) -> Sequence[str]:
    """What is told of each mapping that has changed on both sides, or whose place is taken."""
    return [
        _conflict(conn, here, name, there.get(name))
        for name in sorted(here.names | set(there))
        if name in taken
        or here.standing(name, row.sha256 if (row := there.get(name)) is not None else None)
        is Standing.BOTH
    ]


def _conflict(conn: sa.Connection, here: Folder, name: str, row: sa.Row[Any] | None) -> str:
    base = here.base.get(name)
    path = here.file_of(name)
    since = _since(here, name)
    if row is None:
        return f"{path}: {since}, and {name} is not in use any more."
    made = events.history(conn, [row.id])[:1]
    by = "".join(f" by {event.who}{f': {event.detail}' if event.detail else ''}" for event in made)
    theirs = f"version {row.version} is active since {row.created_at:%Y-%m-%d %H:%M}{by}"
    look = f"vaultbridge mappings diff {name} {base.version} {row.version}" if base else ""
    return f"{path}: {since}, and {theirs}." + (f" See: {look}" if look else "")


def _since(here: Folder, name: str) -> str:
    """What is the matter with a mapping's document in the folder."""
    base = here.base.get(name)
    if name not in here.documents and here.is_taken(name):
        return f"is no document of {name}"
    if base is None:
        return "never pulled or pushed here"
    what = "changed" if name in here.documents else "gone"
    return f"{what} here since version {base.version}"


def stop_at(conflicts: Sequence[str], forced: str) -> None:
    """Print conflicts, and the command that goes on in spite of them, and exit if any."""
    if not conflicts:
        return
    for conflict in conflicts:
        click.echo(conflict, err=True)
    click.echo(
        "vaultbridge: nothing was changed. Bring yours and theirs together in the file and say "
        f"that it is meant: {forced}",
        err=True,
    )
    raise SystemExit(CONFLICT)
