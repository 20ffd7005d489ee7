"""Keeping a mapping document as a version, and bringing it into use; who did it and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bridge.store import events, mapping_versions
from bridge.store.accounts import NotThere
from bridge.store.states import MappingState

#: A new version in a state, as its history says it.
_MADE = {
    MappingState.DRAFT: "drafted",
    MappingState.REHEARSAL: "rehearsed",
    MappingState.PUBLISHED: "added",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What became of a document."""

    name: str
    version: int
    state: MappingState
    is_new: bool  #: False where it was so before
    instead_of: int | None  #: the version that was in use until now


def put(
    conn: sa.Connection,
    name: str,
    document: str,
    state: MappingState,
    *,
    now: datetime,
    who: str,
    reason: str | None,
    what: str | None = None,
) -> Put:
    """Have a document as a version in this state; one that is so already changes nothing."""
    before = _in_use(conn, name)
    number, is_new = mapping_versions.add(conn, name, document, now=now, state=state)
    row = mapping_versions.version(conn, name, number)
    if is_new:
        events.record(conn, row.id, what or _MADE[state], at=now, who=who, detail=reason)
    others = is_new and state is not MappingState.DRAFT and before not in (None, number)
    return Put(
        name=name,
        version=number,
        state=MappingState(row.state),
        is_new=is_new,
        instead_of=before if others else None,
    )


def _in_use(conn: sa.Connection, name: str) -> int | None:
    return next((row.version for row in mapping_versions.active(conn) if row.name == name), None)


def meant(conn: sa.Connection, name: str, number: int | None, *among: MappingState) -> str:
    """The document of a version that a person means, by default of the first of these states.

    Of several the newest. Raises NotThere.
    """
    if number is not None:
        document: str = mapping_versions.version(conn, name, number).document
        return document
    rows = mapping_versions.versions(conn, name)
    found = next((row for state in among for row in rows if row.state == state), None)
    if found is not None:
        return str(found.document)
    states = " or ".join(among)
    raise NotThere(
        f"{name} has no version that is a {states}. `vaultbridge mappings history {name}` lists "
        "them; name one with --version."
    )
