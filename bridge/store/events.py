"""The history of every row: what happened, when, by whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.tables import event

#: Who did what no person did.
PIPELINE = "vaultbridge"


def record(
    conn: sa.Connection,
    subject: str,
    what: str,
    *,
    at: datetime,
    who: str = PIPELINE,
    detail: str | None = None,
) -> None:
    """Add one line to a row's history."""
    told = {"subject": subject, "what": what, "at": at, "who": who, "detail": detail}
    conn.execute(sa.insert(event), told)


def history(conn: sa.Connection, subjects: Sequence[str]) -> Sequence[sa.Row[Any]]:
    """The history of rows by their ids, oldest first."""
    return conn.execute(
        sa.select(event).where(event.c.subject.in_(subjects)).order_by(event.c.at, event.c.id)
    ).all()


def latest(conn: sa.Connection, subjects: Sequence[str]) -> Mapping[str, sa.Row[Any]]:
    """The last line of each row's history, by its id."""
    return {row.subject: row for row in history(conn, subjects)}
