"""What the API was asked under an idempotency key, and what it answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.store.tables import api_request
from runtime.inserting import insert

#: How long an answer is kept.
KEPT = timedelta(hours=24)
#: How long one that answers may take before another may begin anew: it was killed.
HELD = timedelta(minutes=2)


def take(
    conn: sa.Connection, token_id: str, key: str, *, sha256: str, turn: str, now: datetime
) -> sa.Row[Any]:
    """The row of a key: new, with this ``turn``, or as somebody else has made it before.

    One that was killed while it answered loses its turn to this. Nobody else decides about the
    row before this transaction ends.
    """
    forget_expired(conn, now=now)
    mine = {"turn": turn, "held_until": now + HELD}
    fresh = {"request_sha256": sha256, "expires_at": now + KEPT, **mine}
    conn.execute(
        insert(conn, api_request)
        .values(token_id=token_id, key=key, **fresh)
        .on_conflict_do_nothing(index_elements=["token_id", "key"])
    )
    here = sa.and_(api_request.c.token_id == token_id, api_request.c.key == key)
    found = sa.select(api_request).where(here).with_for_update()
    row = conn.execute(found).one()
    is_dead = row.status is None and row.held_until <= now
    if is_dead and row.request_sha256 == sha256:
        conn.execute(sa.update(api_request).where(here).values(**mine))
        row = conn.execute(found).one()
    return row


def forget_expired(conn: sa.Connection, *, now: datetime) -> None:
    """Keep no answer longer than it was promised; it may hold personal data."""
    conn.execute(sa.delete(api_request).where(api_request.c.expires_at <= now))


def answer(
    conn: sa.Connection, token_id: str, key: str, *, turn: str, status: int, answer: str
) -> bool:
    """Keep what was answered; False where the turn was lost, or it is kept already."""
    said = sa.update(api_request).where(_mine(token_id, key, turn))
    return conn.execute(said.values(status=status, answer=answer)).rowcount == 1


def forget(conn: sa.Connection, token_id: str, key: str, *, turn: str) -> None:
    """Let the key be used again: nothing was answered under it."""
    conn.execute(sa.delete(api_request).where(_mine(token_id, key, turn)))


def _mine(token_id: str, key: str, turn: str) -> sa.ColumnElement[bool]:
    here = sa.and_(api_request.c.token_id == token_id, api_request.c.key == key)
    return sa.and_(here, api_request.c.turn == turn, api_request.c.status.is_(None))
