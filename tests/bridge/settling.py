"""Letting a bridge come to rest on a clock that jumps: whatever has a time of its own has it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge import queue
from bridge.pipeline.bridge import Bridge
from bridge.store.tables import issuer, metadata, site
from runtime.database import Database
from runtime.lease import due

#: A step that leaves its work due would run for ever.
MOST_RUNS = 200
#: What comes to rest has done so after some dozen moments, however many days lie between them.
MOST_TURNS = 300


def turns() -> Iterator[int]:
    """A turn for each moment at which something is to be done; it fails where that has no end."""
    yield from range(MOST_TURNS)
    raise AssertionError(f"it has not come to rest after {MOST_TURNS} turns")


def run_all(bridge: Bridge) -> None:
    """Answer the bells with work until none has any: one step's work makes the next one's."""
    for _ in range(MOST_RUNS):
        if not (due_now := list(queue.due_bells(bridge))):
            return
        for bell in due_now:
            queue.answer(bridge, bell)
    raise AssertionError(f"{due_now} are still due after {MOST_RUNS} runs")


def next_due(database: Database, after: datetime) -> datetime | None:
    """The next moment at which there is something to do; what is due now is held up."""
    with database.read() as conn:
        shut = _shut(conn)
        moments = [
            max(filter(None, (at, until, shut.get(issuer_id), shut.get(site_id))))
            for table in metadata.sorted_tables
            if "lease_until" in table.c
            for at, until, issuer_id, site_id in conn.execute(_waiting(table))
        ]
    return min((moment for moment in moments if moment > after), default=None)


def _waiting(table: sa.Table) -> sa.Select[Any]:
    theirs = [table.c.get(name, sa.null()) for name in ("issuer_id", "site_id")]
    columns = (table.c.next_run_at, table.c.lease_until, *theirs)
    return sa.select(*columns).where(table.c.next_run_at.is_not(None))


def _shut(conn: sa.Connection) -> dict[str, datetime | None]:
    """Until when each issuer and site is left alone."""
    return {
        row.id: row.shut_until
        for table in (issuer, site)
        for row in conn.execute(sa.select(table.c.id, table.c.shut_until))
    }


def still_due(database: Database, now: datetime) -> list[str]:
    """The tables in which something is due."""
    with database.read() as conn:
        return [
            table.name
            for table in metadata.sorted_tables
            if "lease_until" in table.c
            and conn.execute(sa.select(table.c.id).where(due(table, now)).limit(1)).first()
        ]
