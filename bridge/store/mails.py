"""Mail to learners, and how often it may be asked for."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import sqlalchemy as sa

from bridge.store.ids import new_id
from bridge.store.states import MailState
from bridge.store.tables import mail, rate
from runtime.inserting import insert


def add(conn: sa.Connection, address: str, *, language: str, now: datetime) -> str:
    """Put a mail with new links for one address on its way."""
    row_id = new_id("ml", now)
    conn.execute(
        sa.insert(mail).values(
            id=row_id,
            to_address=address,
            language=language,
            state=MailState.DUE,
            created_at=now,
            next_run_at=now,
        )
    )
    return row_id


def add_replaced(
    conn: sa.Connection, issuance_id: str, address: str, *, language: str, now: datetime
) -> None:
    """Put the mail on its way that tells of a certificate in another's place; once, however often
    this is said."""
    conn.execute(
        insert(conn, mail)
        .values(
            id=new_id("ml", now),
            to_address=address,
            language=language,
            issuance_id=issuance_id,
            state=MailState.DUE,
            created_at=now,
            next_run_at=now,
        )
        .on_conflict_do_nothing(index_elements=["issuance_id"])
    )


def allow(conn: sa.Connection, what: str, *, most: int, window: timedelta, now: datetime) -> bool:
    """Count one more ``what`` in the present window; say whether it is within ``most``."""
    seconds = window.total_seconds()
    start = datetime.fromtimestamp(now.timestamp() // seconds * seconds, tz=now.tzinfo)
    count: int = conn.execute(
        insert(conn, rate)
        .values(key=hashlib.sha256(what.encode()).hexdigest(), window=start, count=1)
        .on_conflict_do_update(index_elements=["key", "window"], set_={"count": rate.c.count + 1})
        .returning(rate.c.count)
    ).scalar_one()
    return count <= most


def forget_rates(conn: sa.Connection, *, before: datetime) -> None:
    """Drop counts of windows long past."""
    conn.execute(sa.delete(rate).where(rate.c.window < before))
