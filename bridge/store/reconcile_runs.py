"""Runs of reconciliation: when, for which site, how far back, and what could not be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.ids import new_id
from bridge.store.reach import EVERYWHERE, Packed, within
from bridge.store.tables import reconcile_run, site


def begin(
    conn: sa.Connection,
    site_id: str,
    *,
    who: str,
    since: datetime,
    step: str,
    fix: bool,
    causes: Sequence[str] | None,
    now: datetime,
) -> str:
    """Begin a run at its first step; return its id."""
    row_id = new_id("rr", now)
    conn.execute(
        sa.insert(reconcile_run).values(
            id=row_id,
            site_id=site_id,
            who=who,
            since=since,
            fix=fix,
            causes=None if causes is None else list(causes),
            step=step,
            started_at=now,
            looked_at={},
            notices=[],
        )
    )
    return row_id


def under_way(conn: sa.Connection, site_id: str) -> sa.Row[Any] | None:
    """The run of a site that has begun and not ended."""
    return conn.execute(
        sa.select(reconcile_run)
        .where(reconcile_run.c.site_id == site_id, reconcile_run.c.ended_at.is_(None))
        .order_by(reconcile_run.c.started_at)
    ).first()


def by_id(conn: sa.Connection, run_id: str) -> sa.Row[Any]:
    """One run."""
    return conn.execute(sa.select(reconcile_run).where(reconcile_run.c.id == run_id)).one()


def change(conn: sa.Connection, run_id: str, **values: Any) -> None:
    """Write down how far a run has come."""
    conn.execute(sa.update(reconcile_run).where(reconcile_run.c.id == run_id).values(**values))


def page(
    conn: sa.Connection,
    *,
    within: sa.ColumnElement[bool],
    site_name: str | None = None,
    run_id: str | None = None,
    after: str | None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Runs with their sites' names, newest first; ``within`` is a condition on sites' names."""
    query = sa.select(reconcile_run, site.c.name.label("site")).join(site).where(within)
    if site_name is not None:
        query = query.where(site.c.name == site_name)
    if run_id is not None:
        query = query.where(reconcile_run.c.id == run_id)
    if after is not None:
        query = query.where(reconcile_run.c.id < after)
    return conn.execute(query.order_by(reconcile_run.c.id.desc()).limit(limit)).all()


def recent(
    conn: sa.Connection,
    *,
    site_name: str | None = None,
    run_id: str | None = None,
    limits: Packed = EVERYWHERE,
    limit: int,
) -> Sequence[Mapping[Any, Any]]:
    """Runs with their sites' names, newest first."""
    query = sa.select(reconcile_run, site.c.name.label("site")).join(site)
    query = query.where(within(reconcile_run, limits))
    if run_id is not None:
        query = query.where(reconcile_run.c.id == run_id)
    if site_name is not None:
        query = query.where(site.c.name == site_name)
    rows = conn.execute(query.order_by(reconcile_run.c.id.desc()).limit(limit))
    return rows.mappings().all()


def forget(conn: sa.Connection, site_id: str, *, before: datetime) -> int:
    """Delete a site's runs from before a moment; what they found stays. Return how many."""
    return conn.execute(
        sa.delete(reconcile_run).where(
            reconcile_run.c.site_id == site_id, reconcile_run.c.started_at < before
        )
    ).rowcount
