"""Keeping a mapping document as a version, and bringing it into use; who did it and why."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.versioned import active_mappings
from bridge.store import announcements, events, mapping_versions
from bridge.store.accounts import NotThere
from bridge.store.mapping_versions import Tied
from bridge.store.states import MappingState
from mappings.document import Known
from mappings.model import Mapping
from mappings.ties import tied

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
    ended_rehearsal: bool  #: that version was being rehearsed


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


class ChangedMeanwhile(Exception):
    """Somebody has kept another version since this one was begun; ``row`` is that."""

    def __init__(self, row: sa.Row[Any]) -> None:
        super().__init__(f"{row.name} has a version {row.version} meanwhile.")
        self.row = row


class Passed(ValueError):
    """What is announced would end before it begins."""


def keep_draft(
    bridge: Bridge, document: Document, *, since: str | None, who: str, reason: str | None
) -> Put:
    """Keep a document as a draft that was begun with the version of this sha256, None: with none.

    Raises ChangedMeanwhile where the newest version of its name is another, and says another.
    """
    by = Act(state=MappingState.DRAFT, who=who, reason=reason)
    with bridge.database.write() as conn:
        mapping_versions.alone(conn)
        newest = mapping_versions.newest(conn, document.mapping.name)
        mine = sha256(document.text.encode()).hexdigest()
        if newest is not None and newest.sha256 not in (since, mine):
            raise ChangedMeanwhile(newest)
        (done,) = put(conn, [document], by, known=Known(), now=bridge.database.now(conn))
        return done


def put(
    conn: sa.Connection, documents: Sequence[Document], by: Act, *, known: Known, now: datetime
) -> Sequence[Put]:
    """Have documents as versions in a state; one that is so already changes nothing.

    Raises Tied where somebody has brought another mapping into use since they were looked at.
    """
    mapping_versions.alone(conn)
    done = [_put(conn, each.mapping.name, each.text, by, now=now) for each in documents]
    if by.state is not MappingState.DRAFT:
        _refuse_ties(conn, [each.mapping for each in documents], known)
    return done


def _refuse_ties(conn: sa.Connection, new: Sequence[Mapping], known: Known) -> None:
    active = [each.mapping for each in active_mappings(conn) if each.mapping.fault is None]
    for mapping in new:
        for other in active:
            if other.name != mapping.name and (reason := tied(mapping, other, known.courses)):
                raise Tied(mapping.name, other.name, reason)


def _put(conn: sa.Connection, name: str, text: str, by: Act, *, now: datetime) -> Put:
    before = next((row for row in mapping_versions.active(conn) if row.name == name), None)
    number, is_new = mapping_versions.add(conn, name, text, now=now, state=by.state)
    row = mapping_versions.version(conn, name, number)
    if is_new:
        what = by.what or _MADE[by.state]
        events.record(
            conn,
            row.id,
            what,
            at=now,
            who=by.who,
            detail=by.reason,
            before=_in_use(before),
            after={**_in_use(before), "version": number, "state": by.state.value},
        )
    comes_in = is_new and by.state is not MappingState.DRAFT
    rest = before if comes_in and before is not None and before.version != number else None
    return Put(
        name=name,
        version=number,
        state=MappingState(row.state),
        is_new=is_new,
        instead_of=rest.version if rest is not None else None,
        ended_rehearsal=rest is not None and rest.state == MappingState.REHEARSAL,
    )


def _in_use(row: sa.Row[Any] | None) -> dict[str, Any]:
    """The version in use, for the audit log; nothing where there is none."""
    if row is None:
        return {"version": None, "state": None}
    return {"version": row.version, "state": row.state}


def withdraw(
    conn: sa.Connection, name: str, *, who: str, reason: str | None, now: datetime
) -> None:
    """Take a mapping out of use; what it issued stays. Raises NotThere if it is not in use."""
    row = mapping_versions.active_named(conn, name)
    mapping_versions.deactivate(conn, name)
    gone = {"version": None, "state": None}
    events.record(
        conn,
        row.id,
        "deactivated",
        at=now,
        who=who,
        detail=reason,
        before=_in_use(row),
        after=gone,
    )


def restoring(number: int, *, who: str, reason: str | None) -> Act:
    """The act of making what an earlier version says the active version again."""
    what = f"restored from version {number}"
    return Act(state=MappingState.PUBLISHED, who=who, reason=reason, what=what)


def announce(
    bridge: Bridge, name: str, *, number: int, until: datetime, who: str, reason: str | None
) -> None:
    """Say that so many completions of a course in one day are meant: they are not held.

    Raises NotThere, and Passed.
    """
    with bridge.database.write() as conn:
        mapping_versions.versions(conn, name)
        now = bridge.database.now(conn)
        if until <= now:
            raise Passed(f"{until:%Y-%m-%d %H:%M} UTC has passed")
        announcements.add(conn, name, number=number, until=until, who=who, reason=reason, now=now)


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


def diff(was: sa.Row[Any], becomes: sa.Row[Any]) -> Iterator[str]:
    """What differs between two versions of a mapping, a line each; nothing if they say the same."""
    older, newer = (f"{row.name} version {row.version}" for row in (was, becomes))
    return diff_of(was.document, becomes.document, older, newer)


def diff_of(was: str, becomes: str, older: str = "", newer: str = "") -> Iterator[str]:
    """What differs between two documents, a line each."""
    return difflib.unified_diff(was.splitlines(), becomes.splitlines(), older, newer, lineterm="")


def first_of_their_names(bridge: Bridge, documents: Sequence[Document]) -> Sequence[Document]:
    """Those of which no version has ever been in use."""
    with bridge.database.read() as conn:
        known = mapping_versions.names_used(conn)
    return [document for document in documents if document.mapping.name not in known]


def changes(bridge: Bridge, documents: Sequence[Document]) -> bool:
    """Whether to publish these changes what some mapping of them says, or has said before."""
    with bridge.database.read() as conn:
        known = mapping_versions.names_used(conn)
        published = {
            row.name: row.document
            for row in mapping_versions.active(conn)
            if row.state == MappingState.PUBLISHED
        }
    return any(
        name in known and published.get(name) != document.text
        for document in documents
        if (name := document.mapping.name)
    )
