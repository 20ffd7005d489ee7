"""Mail to learners, waiting to be sent."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from bridge.store.ids import new_id
from bridge.store.states import MailState
from bridge.store.tables import mail
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
