"""Mapping documents as immutable versions; one version of a name is active."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.accounts import NotThere
from bridge.store.ids import new_id
from bridge.store.tables import mapping_version


def add(conn: sa.Connection, name: str, document: str, *, now: datetime) -> tuple[int, bool]:
    """Store a document and make it the active one of its name; return (version, is it new).

    A document equal to the active one is not stored again.
    """
    sha256 = hashlib.sha256(document.encode()).hexdigest()
    last = conn.execute(
        sa.select(mapping_version)
        .where(mapping_version.c.name == name)
        .order_by(mapping_version.c.version.desc())
        .limit(1)
    ).first()
    if last is not None and last.sha256 == sha256 and last.active:
        return last.version, False
    version = last.version + 1 if last is not None else 1
    conn.execute(
        sa.update(mapping_version).where(mapping_version.c.name == name).values(active=False)
    )
    conn.execute(
        sa.insert(mapping_version).values(
            id=new_id("mv", now),
            name=name,
            version=version,
            document=document,
            sha256=sha256,
            active=True,
            created_at=now,
        )
    )
    return version, True


def active(conn: sa.Connection) -> Sequence[sa.Row[Any]]:
    """The active version of every mapping, by name."""
    return conn.execute(
        sa.select(mapping_version).where(mapping_version.c.active).order_by(mapping_version.c.name)
    ).all()


def active_named(conn: sa.Connection, name: str) -> sa.Row[Any]:
    """The active version of a mapping; raises NotThere."""
    rows = active(conn)
    for row in rows:
        if row.name == name:
            return row
    names = ", ".join(row.name for row in rows) or "none yet"
    raise NotThere(f"There is no active mapping called {name!r}. There is: {names}.")


def versions(conn: sa.Connection, name: str) -> Sequence[sa.Row[Any]]:
    """Every version of a mapping, newest first, active or not; raises NotThere if it has none."""
    mine = sa.select(mapping_version).where(mapping_version.c.name == name)
    rows = conn.execute(mine.order_by(mapping_version.c.version.desc())).all()
    if rows:
        return rows
    others = sa.select(mapping_version.c.name).distinct().order_by(mapping_version.c.name)
    names = ", ".join(conn.execute(others).scalars()) or "none yet"
    raise NotThere(f"There is no mapping called {name!r}. There is: {names}.")


def version(conn: sa.Connection, name: str, number: int) -> sa.Row[Any]:
    """One version of a mapping, active or not: versions are kept for ever; raises NotThere."""
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
    """Take a mapping out of use; its versions stay. Returns how many were active (0 or 1)."""
    return conn.execute(
        sa.update(mapping_version)
        .where(mapping_version.c.name == name, mapping_version.c.active)
        .values(active=False)
    ).rowcount
