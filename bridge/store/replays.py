"""Replays: what a person selected, why, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.accounts import NotThere
from bridge.store.ids import new_id
from bridge.store.states import ReplayState
from bridge.store.tables import replay


def add(
    conn: sa.Connection,
    *,
    who: str,
    reason: str | None,
    selection: Mapping[str, Any],
    mapping: str,
    selected: int,
    now: datetime,
    next_run_at: datetime,
) -> str:
    """Write a replay down before it does anything; return its id.

    ``next_run_at``: when a worker goes on with it, if nobody else has by then.
    """
    row_id = new_id("rp", now)
    conn.execute(
        sa.insert(replay).values(
            id=row_id,
            who=who,
            reason=reason,
            selection=dict(selection),
            mapping=mapping,
            state=ReplayState.RUNNING,
            selected=selected,
            started_at=now,
            updated_at=now,
            next_run_at=next_run_at,
        )
    )
    return row_id


def by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    """One replay; raises NotThere."""
    row = conn.execute(sa.select(replay).where(replay.c.id == row_id)).first()
    if row is None:
        raise NotThere(f"There is no replay {row_id}. `vaultbridge replays` lists them.")
    return row


def advance(
    conn: sa.Connection,
    row: sa.Row[Any],
    *,
    cursor: str,
    going: int,
    unchanged: int,
    now: datetime,
    next_run_at: datetime,
) -> bool:
    """Count some more rows as dealt with; False if somebody else went on with it meanwhile."""
    changed = conn.execute(
        sa.update(replay)
        .where(replay.c.id == row.id, replay.c.cursor.is_not_distinct_from(row.cursor))
        .values(
            cursor=cursor,
            going=replay.c.going + going,
            unchanged=replay.c.unchanged + unchanged,
            updated_at=now,
            next_run_at=next_run_at,
        )
    ).rowcount
    return changed == 1


def leave(conn: sa.Connection, row_id: str) -> None:
    """Who worked it off has stopped on purpose: no worker goes on with it."""
    conn.execute(sa.update(replay).where(replay.c.id == row_id).values(next_run_at=None))


def end(conn: sa.Connection, row_id: str, *, now: datetime) -> bool:
    """It has come to its end; False if that was written down before."""
    changed = conn.execute(
        sa.update(replay)
        .where(replay.c.id == row_id, replay.c.state == ReplayState.RUNNING)
        .values(state=ReplayState.DONE, updated_at=now, ended_at=now, next_run_at=None)
    ).rowcount
    return changed == 1


def recent(
    conn: sa.Connection, *, who: str | None = None, after: str | None = None, limit: int
) -> Sequence[Mapping[Any, Any]]:
    """Replays, newest first; ``who``: of that person alone; ``after``: older than that one."""
    query = sa.select(replay).order_by(replay.c.id.desc()).limit(limit)
    if who is not None:
        query = query.where(replay.c.who == who)
    if after is not None:
        query = query.where(replay.c.id < after)
    return conn.execute(query).mappings().all()


def unfinished() -> sa.ColumnElement[bool]:
    """Replays that have not come to their end."""
    return replay.c.state == ReplayState.RUNNING
