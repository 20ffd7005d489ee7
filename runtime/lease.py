"""Leases with fences: who may work on a row, until when, and whose writes still count.

A claim raises the row's fence. Every later write names the fence it was claimed under, so that a
holder who was paused beyond its lease writes to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from runtime.database import UtcDateTime


class LeaseLost(Exception):
    """Somebody else holds the row now. Abandon the work silently: it is theirs."""


def lease_columns() -> tuple[sa.Column[Any], ...]:
    """The columns a table needs for its rows to be claimed.

    ``next_run_at`` NULL means nothing is due; ``tries`` counts failures in a row.
    """
    return (
        sa.Column("next_run_at", UtcDateTime),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Proof that a row was claimed."""

    id: Any
    owner: str
    fence: int
    until: datetime


def due(table: sa.Table, now: datetime) -> sa.ColumnElement[bool]:
    """Rows whose time has come and that nobody holds."""
    return sa.and_(
        table.c.next_run_at <= now,
        sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= now),
    )


def claim(
    conn: sa.Connection,
    table: sa.Table,
    *,
    where: sa.ColumnElement[bool],
    owner: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    **values: Any,
) -> Sequence[sa.Row[Any]]:
    """Lease up to ``limit`` due rows that satisfy ``where``; return them as they are now."""
    picked = (
        sa.select(table.c.id)
        .where(where, due(table, now))
        .order_by(table.c.next_run_at, table.c.id)
        .limit(limit)
    )
    if conn.dialect.name == "postgresql":
        picked = picked.with_for_update(skip_locked=True)
    # As a plain sub-select PostgreSQL may run it again for each row, and pick more than the limit.
    chosen = picked.cte("chosen")
    rows = conn.execute(
        sa.update(table)
        .where(table.c.id.in_(sa.select(chosen.c.id)), due(table, now))
        .values(lease_owner=owner, lease_until=now + lease, fence=table.c.fence + 1, **values)
        .returning(*table.c)
    ).all()
    return sorted(rows, key=lambda row: (row.next_run_at, row.id))


def lease_of(row: sa.Row[Any]) -> Lease:
    """The lease a claimed row carries."""
    return Lease(id=row.id, owner=row.lease_owner, fence=row.fence, until=row.lease_until)


def save(conn: sa.Connection, table: sa.Table, lease: Lease, **values: Any) -> None:
    """Write to a row still held under ``lease``; raises LeaseLost if it is not."""
    _save(conn, table, _held(table), lease, values)


def _save(
    conn: sa.Connection,
    table: sa.Table,
    update: sa.Update,
    lease: Lease,
    values: Mapping[str, Any],
) -> None:
    # What is no plain value belongs to the statement, and makes it another one.
    parts = {name: value for name, value in values.items() if isinstance(value, sa.ClauseElement)}
    plain = {name: value for name, value in values.items() if name not in parts}
    changed = conn.execute(
        update.values(parts) if parts else update,
        {"its_id": lease.id, "its_fence": lease.fence, "its_lease_owner": lease.owner, **plain},
    ).rowcount
    if changed != 1:
        raise LeaseLost(f"{table.name} {lease.id}")


@cache
def _held(table: sa.Table) -> sa.Update:
    """Writes to a row while it is held; made once, as making it takes longer than what it does."""
    held = [table.c[name] == sa.bindparam(f"its_{name}") for name in ("id", "fence", "lease_owner")]
    return sa.update(table).where(*held)


@cache
def _given_back(table: sa.Table) -> sa.Update:
    """As `_held`, and nobody holds it any more; whoever made it due since is not forgotten."""
    due_since = table.c.next_run_at
    since = due_since.is_distinct_from(sa.bindparam("was_due", type_=due_since.type))
    at = sa.case((since, due_since), else_=sa.bindparam("due_next", type_=due_since.type))
    return _held(table).values(lease_owner=None, lease_until=None, next_run_at=at)


def release(
    conn: sa.Connection,
    table: sa.Table,
    lease: Lease,
    *,
    next_run_at: datetime | None,
    **values: Any,
) -> None:
    """Write the outcome of a step and give the row back; raises LeaseLost if it is not ours."""
    save(
        conn,
        table,
        lease,
        lease_owner=None,
        lease_until=None,
        next_run_at=next_run_at,
        **values,
    )


def hold(conn: sa.Connection, table: sa.Table, leases: Sequence[Lease]) -> set[Any]:
    """The ids of the rows that are still held; nobody takes them until the transaction ends."""
    asked = sa.select(table.c.id, table.c.fence, table.c.lease_owner)
    asked = asked.where(table.c.id.in_([lease.id for lease in leases]))
    # In one order, so that two who ask for the same rows do not wait for each other.
    rows = conn.execute(asked.order_by(table.c.id).with_for_update())
    mine = {(lease.id, lease.fence, lease.owner) for lease in leases}
    return {row.id for row in rows if tuple(row) in mine}


def release_all(
    conn: sa.Connection, table: sa.Table, outcomes: Sequence[tuple[Lease, Mapping[str, Any]]]
) -> None:
    """As `release`, for rows that `hold` has found; ``next_run_at`` is one of each one's values."""

    def columns(outcome: tuple[Lease, Mapping[str, Any]]) -> list[str]:
        return sorted(outcome[1])

    update = sa.update(table).where(table.c.id == sa.bindparam("its_id"))
    for _, alike in groupby(sorted(outcomes, key=columns), key=columns):
        conn.execute(
            update,
            [
                {"its_id": lease.id, "lease_owner": None, "lease_until": None, **values}
                for lease, values in alike
            ],
        )


def woken(table: sa.Table, row: sa.Row[Any]) -> sa.ColumnElement[bool]:
    """Whether somebody has made the row due since it was claimed."""
    return table.c.next_run_at.is_distinct_from(row.next_run_at)


def give_back(
    conn: sa.Connection,
    table: sa.Table,
    row: sa.Row[Any],
    *,
    next_run_at: datetime | None,
    **values: Any,
) -> None:
    """As `release`, for a row as it was claimed: whoever made it due since is not forgotten."""
    due = {"was_due": row.next_run_at, "due_next": next_run_at}
    _save(conn, table, _given_back(table), lease_of(row), {**values, **due})


def give_back_all(
    conn: sa.Connection,
    table: sa.Table,
    rows: Sequence[tuple[sa.Row[Any], datetime | None]],
    **values: Any,
) -> None:
    """As `give_back`, for many rows and when each is due next, in one statement.

    Those that are somebody else's by now are left alone, silently.
    """
    if not rows:
        return
    conn.execute(
        _given_back(table).values(**values) if values else _given_back(table),
        [
            {
                "its_id": row.id,
                "its_fence": row.fence,
                "its_lease_owner": row.lease_owner,
                "was_due": row.next_run_at,
                "due_next": due,
            }
            for row, due in rows
        ],
    )


def still_held(
    conn: sa.Connection, table: sa.Table, rows: Sequence[sa.Row[Any]]
) -> Sequence[sa.Row[Any]]:
    """Claimed rows as they stand now, without those that are somebody else's by now."""
    mine = {(row.id, row.fence, row.lease_owner) for row in rows}
    found = conn.execute(sa.select(table).where(table.c.id.in_([row.id for row in rows])))
    return sorted(
        (row for row in found if (row.id, row.fence, row.lease_owner) in mine),
        key=lambda row: (row.next_run_at, row.id),
    )
