"""How often something may be asked for in a window: new links by mail, signing in."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import sqlalchemy as sa

from bridge.store.tables import rate
from runtime.inserting import insert


def allow(conn: sa.Connection, what: str, *, most: int, window: timedelta, now: datetime) -> bool:
    """Count one more ``what`` in the present window; say whether it is within ``most``."""
    seconds = window.total_seconds()
    start = datetime.fromtimestamp(now.timestamp() // seconds * seconds, tz=now.tzinfo)
    count: int = conn.execute(
        insert(conn, rate)
        .values(key=hashlib.sha256(what.encode()).hexdigest(), window=start, count=1)
        .on_conflict_do_update(index_elements=["key", "window"], set_={"count": rate.c.count + 1})
        .returning(rate.c.count)
    ).scalar_one()
    return count <= most


def forget(conn: sa.Connection, *, before: datetime) -> None:
    """Drop counts of windows long past."""
    conn.execute(sa.delete(rate).where(rate.c.window < before))
