"""Whether an issuer's vault may be called now, for all workers alike.

A vault that asks to be left alone, or does not answer, is shut; once its time has come, one call
tries it for all, and they go on when it has answered.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import sqlalchemy as sa

from bridge.store.tables import issuer


class Way(Enum):
    """How many calls may be made."""

    OPEN = "open"
    PROBE = "one, which tries it for all"
    SHUT = "none"


def way(conn: sa.Connection, issuer_id: str, *, now: datetime, probe_ends: datetime) -> Way:
    """How a vault may be called; whoever is told PROBE is the only one until ``probe_ends``."""
    row = conn.execute(_gate(issuer_id)).one()
    if row.paused_at is not None:
        return Way.SHUT
    if row.shut_until is None:
        return Way.OPEN
    mine = conn.execute(
        sa.update(issuer)
        .where(issuer.c.id == issuer_id, issuer.c.shut_until <= now)
        .values(shut_until=probe_ends)
    ).rowcount
    return Way.PROBE if mine else Way.SHUT


def _gate(issuer_id: str) -> sa.Select[Any]:
    columns = (issuer.c.paused_at, issuer.c.shut_until, issuer.c.failures)
    return sa.select(*columns).where(issuer.c.id == issuer_id)


def failures(conn: sa.Connection, issuer_id: str) -> int:
    """How many calls in a row a vault has left unanswered."""
    return int(conn.execute(_gate(issuer_id)).one().failures)


def fail(conn: sa.Connection, issuer_id: str) -> None:
    """One more call was left unanswered."""
    counted = sa.update(issuer).where(issuer.c.id == issuer_id)
    conn.execute(counted.values(failures=issuer.c.failures + 1))


def shut(conn: sa.Connection, issuer_id: str, *, until: datetime, probing: bool) -> None:
    """Leave a vault alone until then. Only its probe may shorten that for the others."""
    where = [issuer.c.id == issuer_id]
    if not probing:
        where.append(sa.or_(issuer.c.shut_until.is_(None), issuer.c.shut_until < until))
    conn.execute(sa.update(issuer).where(*where).values(shut_until=until))


def answered(conn: sa.Connection, issuer_id: str, *, probing: bool) -> None:
    """A vault has answered: everyone may call it, unless another call was told to wait."""
    where = [issuer.c.id == issuer_id]
    if not probing:
        where += [issuer.c.shut_until.is_(None), issuer.c.failures > 0]
    conn.execute(sa.update(issuer).where(*where).values(shut_until=None, failures=0))
