"""How often something may be asked for in a span of time; nobody's address is kept in clear."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import sqlalchemy as sa

from runtime.inserting import insert
from vault.store.people import asked


def allow(conn: sa.Connection, what: str, *, most: int, span: timedelta, now: datetime) -> bool:
    """Count one more ``what`` in the present span; say whether it is within ``most``."""
    seconds = span.total_seconds()
    start = datetime.fromtimestamp(now.timestamp() // seconds * seconds, tz=now.tzinfo)
    count: int = conn.execute(
        insert(conn, asked)
        .values(key=hashlib.sha256(what.encode()).hexdigest(), span=start, count=1)
        .on_conflict_do_update(index_elements=["key", "span"], set_={"count": asked.c.count + 1})
        .returning(asked.c.count)
    ).scalar_one()
    return count <= most


def forget(conn: sa.Connection, *, before: datetime) -> None:
    """Drop the counts of spans long past."""
    conn.execute(sa.delete(asked).where(asked.c.span < before))
