"""Signs of life: a process that works writes down, again and again, who it is and that it lives.

Whoever wants to know whether anybody works reads the rows: nothing else in a database tells a
queue that is empty from one that nobody looks at.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import SQLAlchemyError

from runtime.database import Database, UtcDateTime
from runtime.repeating import repeating

EVERY = timedelta(seconds=10)
#: Who was seen so lately is alive: a beat may have to wait for its turn to write.
LATELY = timedelta(seconds=60)
#: Those who were killed are remembered so long, to say since when somebody is missing.
REMEMBERED = timedelta(days=7)

log = structlog.get_logger()


def columns() -> tuple[sa.Column[Any], ...]:
    """The columns of the table of a service's processes; a row is one run of one process."""
    return (
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One run of a process, as it was seen last. Who ended well has left no sign."""

    name: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    is_alive: bool


def signs(conn: sa.Connection, table: sa.Table, *, now: datetime) -> list[Sign]:
    """Every run that left a sign, the last seen first."""
    return [
        Sign(
            name=row.name,
            host=row.host,
            pid=row.pid,
            started_at=row.started_at,
            seen_at=row.seen_at,
            is_alive=now - row.seen_at <= LATELY,
        )
        for row in conn.execute(sa.select(table).order_by(table.c.seen_at.desc()))
    ]


@contextmanager
def beating(
    database: Database, table: sa.Table, name: str, *, every: timedelta = EVERY
) -> Iterator[None]:
    """Give signs of life as ``name`` until the block ends.

    They come from a thread of their own, so a long piece of work does not stop them. A database
    that is down is logged; the next beat tries again.
    """
    heart = _Heart(database, table, name)
    try:
        with repeating("heartbeat", heart.beat, every=every):
            yield
    finally:
        heart.end()


class _Heart:
    def __init__(self, database: Database, table: sa.Table, name: str) -> None:
        self._database = database
        self._table = table
        self._mine = table.c.id == (id_ := uuid4().hex)
        self._who = {"id": id_, "name": name, "host": socket.gethostname(), "pid": os.getpid()}
        self._started_at: datetime | None = None

    def beat(self) -> None:
        try:
            with self._database.write() as conn:
                self._write(conn, self._database.now(conn))
        except SQLAlchemyError as exc:
            log.warning("heartbeat_failed", name=self._who["name"], reason=type(exc).__name__)

    def _write(self, conn: sa.Connection, now: datetime) -> None:
        seen = sa.update(self._table).where(self._mine).values(seen_at=now)
        if conn.execute(seen).rowcount:
            return
        self._started_at = self._started_at or now
        first = {**self._who, "started_at": self._started_at, "seen_at": now}
        conn.execute(sa.insert(self._table).values(first))
        forgotten = self._table.c.seen_at < now - REMEMBERED
        conn.execute(sa.delete(self._table).where(forgotten))

    def end(self) -> None:
        try:
            with self._database.write() as conn:
                conn.execute(sa.delete(self._table).where(self._mine))
        except SQLAlchemyError as exc:
            log.warning("heartbeat_failed", name=self._who["name"], reason=type(exc).__name__)
