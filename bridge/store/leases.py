"""Who holds which rows just now, of every table whose rows can be held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bridge.store.tables import metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The rows of one table that one process holds."""

    table: str
    owner: str  #: host, process id and chance
    count: int
    until: datetime  #: when the first of these leases ends


def held(conn: sa.Connection, *, now: datetime) -> Sequence[Held]:
    """Every lease that has not ended, counted by table and owner."""
    return [
        Held(table=table.name, owner=row.lease_owner, count=row.number, until=row.until)
        for table in metadata.sorted_tables
        if "lease_until" in table.c
        for row in conn.execute(_held(table, now))
    ]


def _held(table: sa.Table, now: datetime) -> sa.Select[tuple[str, int, datetime]]:
    # What is held is due some time: that is what the tables have an index of.
    going = sa.and_(table.c.next_run_at.is_not(None), table.c.lease_until > now)
    return (
        sa.select(
            table.c.lease_owner,
            sa.func.count().label("number"),
            sa.func.min(table.c.lease_until).label("until"),
        )
        .where(going)
        .group_by(table.c.lease_owner)
        .order_by(table.c.lease_owner)
    )
