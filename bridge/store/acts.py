"""The log of acts: what people did, a page at a time, newest first.

It stands among the events of the pipeline, which are many more, and reads its own alone, by indexes
that hold nothing else. Pages go by moment and number of the last act seen (keyset).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.ids import kind_of
from bridge.store.tables import event, issuer, mapping_version, metadata, person, site


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is looked for; None and empty: anything."""

    who: str = ""
    kind: str = ""  #: what kind of thing it was done to, as `events.kind_of_subject` says
    which: str = ""  #: a name, an id or an address of what it was done to
    since: datetime | None = None
    until: datetime | None = None  #: not included


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page ends."""

    at: datetime
    id: int


# Said as a constant: only then do the databases see that the indexes of acts will do.
_is_act = event.c.act_on.is_not(None)


def page(
    conn: sa.Connection, filters: Filters, *, after: Place | None = None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Acts, newest first; ``after`` is the last one of the page before."""
    query = sa.select(event).where(_is_act, *_conditions(conn, filters))
    if after is not None:
        earlier = sa.and_(event.c.at == after.at, event.c.id < after.id)
        query = query.where(event.c.at <= after.at, sa.or_(event.c.at < after.at, earlier))
    return conn.execute(query.order_by(event.c.at.desc(), event.c.id.desc()).limit(limit)).all()


def _conditions(conn: sa.Connection, filters: Filters) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if filters.who:
        found.append(event.c.who == filters.who)
    if filters.kind:
        found.append(event.c.act_on == filters.kind)
    if filters.which:
        found.append(event.c.subject.in_(_meant(conn, filters.which)))
    if filters.since is not None:
        found.append(event.c.at >= filters.since)
    if filters.until is not None:
        found.append(event.c.at < filters.until)
    return found


def _meant(conn: sa.Connection, which: str) -> Sequence[str]:
    """The subjects that somebody may mean by a name; one that is none finds nothing."""
    if kind_of(which):
        return [which]
    named: list[sa.Select[Any]] = [
        sa.select(site.c.id).where(site.c.name == which),
        sa.select(issuer.c.id).where(issuer.c.name == which),
        sa.select(mapping_version.c.id).where(mapping_version.c.name == which),
        sa.select(person.c.id).where(person.c.email_key == which.casefold()),
    ]
    ids = conn.execute(sa.union_all(*named)).scalars().all()
    return [which, f"template {which}", *ids]


def kinds(conn: sa.Connection) -> Sequence[str]:
    """The kinds of things that people did something to, sorted; one look-up each."""
    # Of few values among many rows each is found as the next one after the last (loose scan).
    found: list[str] = []
    last = ""
    while True:
        query = sa.select(sa.func.min(event.c.act_on)).where(_is_act, event.c.act_on > last)
        following: str | None = conn.execute(query).scalar()
        if following is None:
            return found
        found.append(following)
        last = following


#: By kind: what a row is called by.
_CALLED: Mapping[str, tuple[str, ...]] = {
    "issuer": ("name",),
    "site": ("name",),
    "mapping version": ("name", "version"),
    "person": ("email",),
    "announcement": ("mapping_name",),
    "hold": ("mapping_name",),
    "issuance": ("reference_id",),
    "api token": ("name",),
}


def names(conn: sa.Connection, subjects: Collection[str]) -> Mapping[str, str]:
    """What each subject is called, as far as it has a name: one query a kind."""
    by_kind: dict[str, list[str]] = {}
    for subject in subjects:
        if kind := kind_of(subject):
            by_kind.setdefault(kind, []).append(subject)
    called: dict[str, str] = {}
    for kind, ids in by_kind.items():
        if kind in _CALLED:
            called |= _names(conn, kind, ids)
    return called


def _names(conn: sa.Connection, kind: str, ids: Sequence[str]) -> dict[str, str]:
    table = metadata.tables[kind.replace(" ", "_")]
    columns = [table.c[name] for name in _CALLED[kind]]
    rows = conn.execute(sa.select(table.c.id, *columns).where(table.c.id.in_(ids)))
    told = {row[0]: [str(part) for part in row[1:] if part is not None] for row in rows}
    return {row_id: " v".join(parts) for row_id, parts in told.items() if parts}
