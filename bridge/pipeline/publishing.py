"""Keeping a mapping document as a version, and bringing it into use; who did it and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.store import events, mapping_versions
from bridge.store.accounts import NotThere
from bridge.store.states import MappingState
from mappings.model import Mapping

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A mapping, and the text that says so."""

    mapping: Mapping
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a person does with documents, and why."""

    state: MappingState  #: that they are to have
    who: str
    reason: str | None = None
    what: str | None = None  #: what their history says, where it is not the usual


def put(conn: sa.Connection, name: str, text: str, by: Act, *, now: datetime) -> Put:
    """Have a document as a version in a state; one that is so already changes nothing."""
    before = _in_use(conn, name)
    number, is_new = mapping_versions.add(conn, name, text, now=now, state=by.state)
    row = mapping_versions.version(conn, name, number)
    if is_new:
        what = by.what or _MADE[by.state]
        events.record(conn, row.id, what, at=now, who=by.who, detail=by.reason)
    others = is_new and by.state is not MappingState.DRAFT and before not in (None, number)
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


def first_of_their_names(bridge: Bridge, documents: Sequence[Document]) -> Sequence[Document]:
    """Those of which no version has ever been in use."""
    with bridge.database.read() as conn:
        known = mapping_versions.names_used(conn)
    return [document for document in documents if document.mapping.name not in known]
