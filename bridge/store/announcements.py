"""Announcements: that many certificates of a mapping at once are meant, until when, by whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store import events
from bridge.store.ids import new_id
from bridge.store.tables import announcement


def add(
    conn: sa.Connection,
    mapping_name: str,
    *,
    number: int,
    until: datetime,
    who: str,
    reason: str | None,
    now: datetime,
) -> None:
    """Say that so many of a course in one day are meant."""
    said = {"number": number, "until": until, "who": who, "reason": reason}
    row = {"id": new_id("an", now), "mapping_name": mapping_name, "created_at": now, **said}
    conn.execute(sa.insert(announcement).values(row))
    after = {"number": number, "until": until}
    events.record(conn, str(row["id"]), "announced", at=now, who=who, detail=reason, after=after)


def announced(conn: sa.Connection, mapping_name: str, *, now: datetime) -> int:
    """How many of a course in one day are meant now; 0 if nothing was said."""
    valid = (announcement.c.mapping_name == mapping_name, announcement.c.until > now)
    most = sa.select(sa.func.max(announcement.c.number)).where(*valid)
    return conn.execute(most).scalar() or 0


def of(conn: sa.Connection, mapping_name: str) -> Sequence[sa.Row[Any]]:
    """Everything that was announced of a mapping, newest first."""
    mine = sa.select(announcement).where(announcement.c.mapping_name == mapping_name)
    return conn.execute(mine.order_by(announcement.c.id.desc())).all()
