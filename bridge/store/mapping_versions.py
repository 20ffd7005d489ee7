"""Mapping documents as immutable versions; of one name at most one version is in use."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.accounts import NotThere
from bridge.store.ids import new_id
from bridge.store.states import IN_USE, MappingState
from bridge.store.tables import mapping_version

#: Of PostgreSQL's advisory locks, the one of those who bring versions into use.
ONE_PUBLISHES = 7_265_114

#: The way of a version; what is superseded does not come back.
_WAY = (MappingState.DRAFT, MappingState.REHEARSAL, MappingState.PUBLISHED)


class Tied(Exception):
    """A mapping has the priority of another that came into use meanwhile, and may want the same."""

    remedy = "Nothing was changed. Give the one that is to have it a higher priority."

    def __init__(self, name: str, other: str, reason: str) -> None:
        super().__init__(f"{name} has the priority of {other}, and {reason}.")


def alone(conn: sa.Connection) -> None:
    """Let nobody else bring a version into use until this transaction ends.

    SQLite's write lock is held already.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(ONE_PUBLISHES)))


def add(
    conn: sa.Connection,
    name: str,
    document: str,
    *,
    now: datetime,
    state: MappingState = MappingState.PUBLISHED,
) -> tuple[int, bool]:
    """Store a document as a version in this state; return (version, is anything new).

    A version that says the same and has not come further is brought there, rather than stored
    again. The one that was in use is superseded by one that comes into use.
    """
    sha256 = hashlib.sha256(document.encode()).hexdigest()
    known = _saying(conn, name, sha256, _up_to(state))
    if known is not None:
        return known.version, _move(conn, known, state)
    number = _newest(conn, name) + 1
    conn.execute(
        sa.insert(mapping_version).values(
            id=new_id("mv", now),
            name=name,
            version=number,
            document=document,
            sha256=sha256,
            created_at=now,
        )
    )
    _move(conn, version(conn, name, number), state)
    return number, True


def _up_to(state: MappingState) -> Sequence[MappingState]:
    """The states of a version that is there already, or can come there; a draft of what is in use
    is that."""
    return _WAY if state is MappingState.DRAFT else _WAY[: _WAY.index(state) + 1]


def _saying(
    conn: sa.Connection, name: str, sha256: str, states: Sequence[MappingState]
) -> sa.Row[Any] | None:
    version = mapping_version.c
    same = sa.and_(version.name == name, version.sha256 == sha256, version.state.in_(states))
    newest_first = sa.select(mapping_version).where(same).order_by(version.version.desc())
    return conn.execute(newest_first.limit(1)).first()


def _newest(conn: sa.Connection, name: str) -> int:
    newest = sa.select(sa.func.max(mapping_version.c.version))
    return conn.execute(newest.where(mapping_version.c.name == name)).scalar() or 0


def _move(conn: sa.Connection, row: sa.Row[Any], state: MappingState) -> bool:
    if state is MappingState.DRAFT or row.state == state:
        return False
    deactivate(conn, row.name)
    one = mapping_version.c.id == row.id
    conn.execute(sa.update(mapping_version).where(one).values(state=state))
    return True


def active(conn: sa.Connection) -> Sequence[sa.Row[Any]]:
    """The version of every mapping that is in use, by name."""
    in_use = mapping_version.c.state.in_(IN_USE)
    return conn.execute(
        sa.select(mapping_version).where(in_use).order_by(mapping_version.c.name)
    ).all()


def active_named(conn: sa.Connection, name: str) -> sa.Row[Any]:
    """The version of a mapping that is in use; raises NotThere."""
    rows = active(conn)
    for row in rows:
        if row.name == name:
            return row
    names = ", ".join(row.name for row in rows) or "none yet"
    raise NotThere(f"There is no active mapping called {name!r}. There is: {names}.")


def heads(conn: sa.Connection) -> Sequence[sa.Row[Any]]:
    """Of every mapping the newest version and the one in use, which may be one; newest first."""
    mine = mapping_version.alias()
    newest = sa.select(sa.func.max(mine.c.version)).where(mine.c.name == mapping_version.c.name)
    is_head = sa.or_(
        mapping_version.c.state.in_(IN_USE),
        mapping_version.c.version == newest.scalar_subquery(),
    )
    in_order = (mapping_version.c.name, mapping_version.c.version.desc())
    return conn.execute(sa.select(mapping_version).where(is_head).order_by(*in_order)).all()


def names_used(conn: sa.Connection) -> set[str]:
    """The names of mappings of which a version is, or was, in use."""
    used = mapping_version.c.state != MappingState.DRAFT
    return set(conn.execute(sa.select(mapping_version.c.name).where(used).distinct()).scalars())


def versions(conn: sa.Connection, name: str) -> Sequence[sa.Row[Any]]:
    """Every version of a mapping, newest first, in use or not; raises NotThere if it has none."""
    mine = sa.select(mapping_version).where(mapping_version.c.name == name)
    rows = conn.execute(mine.order_by(mapping_version.c.version.desc())).all()
    if rows:
        return rows
    others = sa.select(mapping_version.c.name).distinct().order_by(mapping_version.c.name)
    names = ", ".join(conn.execute(others).scalars()) or "none yet"
    raise NotThere(f"There is no mapping called {name!r}. There is: {names}.")


def newest(conn: sa.Connection, name: str) -> sa.Row[Any] | None:
    """The newest version of a mapping, in use or not; None if it has none."""
    mine = sa.select(mapping_version).where(mapping_version.c.name == name)
    return conn.execute(mine.order_by(mapping_version.c.version.desc()).limit(1)).first()


def version(conn: sa.Connection, name: str, number: int) -> sa.Row[Any]:
    """One version of a mapping, in use or not: versions are kept for ever; raises NotThere."""
    found = conn.execute(
        sa.select(mapping_version).where(
            mapping_version.c.name == name, mapping_version.c.version == number
        )
    ).first()
    if found is None:
        newest = versions(conn, name)[0].version
        raise NotThere(f"{name} has no version {number}. It has 1 to {newest}.")
    return found


def deactivate(conn: sa.Connection, name: str) -> int:
    """Take a mapping out of use; its versions stay. Returns how many were in use (0 or 1)."""
    return conn.execute(
        sa.update(mapping_version)
        .where(mapping_version.c.name == name, mapping_version.c.state.in_(IN_USE))
        .values(state=MappingState.SUPERSEDED)
    ).rowcount
