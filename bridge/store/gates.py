"""Whether an issuer's vault or a site's LMS may be called now, for all workers alike.

One that asks to be left alone, or does not answer, is shut; once its time has come, one call tries
it for all, and they go on when it has answered. ``table`` is `issuer` or `site`.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

import sqlalchemy as sa


class Way(Enum):
    """How many calls may be made."""

    OPEN = "open"
    PROBE = "one, which tries it for all"
    SHUT = "none"


def may_be_called(table: sa.Table, now: datetime) -> sa.ColumnElement[bool]:
    """Of those that are open, or shut and due for a try."""
    return sa.or_(table.c.shut_until.is_(None), table.c.shut_until <= now)


def way(
    conn: sa.Connection, table: sa.Table, row_id: str, *, now: datetime, probe_ends: datetime
) -> Way:
    """How it may be called; whoever is told PROBE is the only one until ``probe_ends``."""
    this = table.c.id == row_id
    if conn.execute(sa.select(table.c.shut_until).where(this)).scalar_one() is None:
        return Way.OPEN
    trying = sa.update(table).where(this, table.c.shut_until <= now)
    return Way.PROBE if conn.execute(trying.values(shut_until=probe_ends)).rowcount else Way.SHUT


def fail(conn: sa.Connection, table: sa.Table, row_id: str) -> int:
    """One more call was left unanswered; return how many in a row that makes."""
    counted = sa.update(table).where(table.c.id == row_id)
    failures: int = conn.execute(
        counted.values(failures=table.c.failures + 1).returning(table.c.failures)
    ).scalar_one()
    return failures


def failures(conn: sa.Connection, table: sa.Table, row_id: str) -> int:
    """How many calls in a row were left unanswered."""
    counted = sa.select(table.c.failures).where(table.c.id == row_id)
    return int(conn.execute(counted).scalar_one())


def shut(
    conn: sa.Connection, table: sa.Table, row_id: str, *, until: datetime, probing: bool
) -> None:
    """Leave it alone until then. Only its probe may shorten that for the others."""
    where = [table.c.id == row_id]
    if not probing:
        where.append(sa.or_(table.c.shut_until.is_(None), table.c.shut_until < until))
    conn.execute(sa.update(table).where(*where).values(shut_until=until))


def answered(conn: sa.Connection, table: sa.Table, row_id: str, *, probing: bool) -> None:
    """It has answered: everyone may call it, unless another call was told to wait."""
    where = [table.c.id == row_id]
    if not probing:
        where += [table.c.shut_until.is_(None), table.c.failures > 0]
    conn.execute(sa.update(table).where(*where).values(shut_until=None, failures=0))
