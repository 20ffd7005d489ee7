"""Files as records: those uploaded ahead of their entries, those in use, those nobody needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from runtime.inserting import Rows
from vault.store.tables import file

#: How many of a content's hash's digits make the key of PostgreSQL's lock: 60 bits of its 63.
LOCK_DIGITS = 15
#: What says that a file was uploaded ahead, of one that was not.
NOT_AHEAD: Mapping[str, Any] = MappingProxyType({"uuid": None, "unused_until": None})


class AlreadyUsed(Exception):
    """A file that was uploaded ahead has its entry already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of the folder, to be noted beside a certificate."""

    sha256: str
    size: int
    mime_type: str
    kind: str  #: "upload" or "verified_pdf"
    name: str | None = None  #: as the sender called it; for show only


def add_file(
    conn: sa.Connection,
    stored: StoredFile,
    *,
    institution_id: int,
    now: datetime,
    uuid: str | None = None,
    unused_until: datetime | None = None,
) -> int:
    """Note a file of the folder; return its id. One uploaded ahead has a uuid and a time limit."""
    ahead = {"uuid": uuid, "unused_until": unused_until}
    [id] = add_files(conn, [stored], institution_id=institution_id, now=now, ahead=ahead)
    return id


def add_files(
    conn: sa.Connection,
    stored: Sequence[StoredFile],
    *,
    institution_id: int,
    now: datetime,
    ahead: Mapping[str, Any] = NOT_AHEAD,
) -> Sequence[int]:
    """Note files of the folder; return their ids in the same order."""
    values = [
        {
            "institution_id": institution_id,
            "kind": one.kind,
            "sha256": one.sha256,
            "name": one.name,
            "mime_type": one.mime_type,
            "size": one.size,
            "created_at": now,
            **ahead,
        }
        for one in stored
    ]
    noted = _noted_and_locked if conn.dialect.name == "postgresql" else _noted
    return [row.id for row in noted.add(conn, values)]


def ahead(
    conn: sa.Connection, uuids: Sequence[str], *, institution_id: int, now: datetime
) -> Mapping[str, sa.Row[Any]]:
    """An institution's files of these uuids, by uuid, but for those whose time is up."""
    rows = conn.execute(
        sa.select(file).where(
            file.c.uuid.in_(uuids),
            file.c.institution_id == institution_id,
            sa.or_(file.c.unused_until.is_(None), file.c.unused_until > now),
        )
    )
    return {row.uuid: row for row in rows}


def use(conn: sa.Connection, ids: Sequence[int]) -> None:
    """Take files for their entries; raises AlreadyUsed if one was taken before."""
    taken = conn.execute(
        sa.update(file)
        .where(file.c.id.in_(ids), file.c.unused_until.is_not(None))
        .values(unused_until=None)
    ).rowcount
    if taken != len(ids):
        raise AlreadyUsed


def forget_unused(conn: sa.Connection, *, now: datetime) -> Sequence[str]:
    """Delete the records of files that were never used; return their contents' hashes."""
    gone = sa.delete(file).where(file.c.unused_until <= now).returning(file.c.sha256)
    return conn.execute(gone).scalars().all()


def forget(conn: sa.Connection, ids: Sequence[int]) -> Sequence[str]:
    """Delete files' records; return their contents' hashes."""
    gone = sa.delete(file).where(file.c.id.in_(ids)).returning(file.c.sha256)
    return conn.execute(gone).scalars().all()


def hashes(conn: sa.Connection, *, after: str, limit: int) -> Sequence[str]:
    """The next hashes that records name, in their order; "" is before the first."""
    found = sa.select(file.c.sha256).distinct().where(file.c.sha256 > after)
    return conn.execute(found.order_by(file.c.sha256).limit(limit)).scalars().all()


def known(conn: sa.Connection, hashes: Sequence[str]) -> set[str]:
    """Those of these hashes that some record names."""
    found = sa.select(file.c.sha256).where(file.c.sha256.in_(hashes))
    return set(conn.execute(found).scalars())


def is_needed(conn: sa.Connection, sha256: str) -> bool:
    """Whether some record names this content. Until the transaction ends, none can begin to."""
    if conn.dialect.name == "postgresql":
        key = _lock_key(sa.literal(sha256))
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
    return bool(known(conn, [sha256]))


def _lock_key(sha256: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    """What PostgreSQL locks for a content."""
    digits = sa.literal("x").concat(sa.func.substr(sha256, 1, LOCK_DIGITS))
    return sa.cast(sa.cast(digits, postgresql.BIT(4 * LOCK_DIGITS)), sa.BigInteger)


NOTED = ("institution_id", "kind", "sha256", "name", "mime_type", "size", "created_at", *NOT_AHEAD)
_noted = Rows(file, NOTED, returning=(file.c.id,))
# SQLite has one writer at a time. In PostgreSQL content might be deleted while another transaction,
# not yet seen, begins to need it. So with the record comes the lock: whoever is about to delete the
# content has done it, or waits.
_noted_and_locked = Rows(
    file,
    NOTED,
    returning=(file.c.id, sa.func.pg_advisory_xact_lock_shared(_lock_key(file.c.sha256))),
)
