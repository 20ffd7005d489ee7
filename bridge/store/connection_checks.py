"""The last check of each site's and issuer's permissions: what was found, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.store.tables import connection_check
from runtime.inserting import insert

#: One that has gone on for longer was cut off.
LONGEST = timedelta(minutes=5)


def begin(conn: sa.Connection, subject: str, *, who: str, now: datetime) -> bool:
    """Begin one in place of the last; False where one goes on."""
    fresh: dict[str, Any] = {"begun_at": now, "ended_at": None, "who": who, "findings": []}
    over = sa.or_(
        connection_check.c.ended_at.is_not(None), connection_check.c.begun_at < now - LONGEST
    )
    begun = conn.execute(
        insert(conn, connection_check)
        .values(subject=subject, **fresh)
        .on_conflict_do_update(index_elements=["subject"], set_=fresh, where=over)
        .returning(connection_check.c.subject)
    )
    return begun.first() is not None


def tell(
    conn: sa.Connection,
    subject: str,
    findings: Sequence[Mapping[str, Any]],
    *,
    begun_at: datetime,
    ended_at: datetime | None = None,
) -> None:
    """Keep what the check that began then has found so far, unless another has begun since."""
    this = sa.update(connection_check).where(
        connection_check.c.subject == subject, connection_check.c.begun_at == begun_at
    )
    conn.execute(this.values(findings=list(findings), ended_at=ended_at))


def last(conn: sa.Connection, subject: str) -> sa.Row[Any] | None:
    """The last check of a site or an issuer, by its id."""
    this = sa.select(connection_check).where(connection_check.c.subject == subject)
    return conn.execute(this).first()
