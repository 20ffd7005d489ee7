"""Mailed links and sessions: each is used once, expires, or is revoked, by the database's word."""

from __future__ import annotations

import enum
import secrets
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vault.store.people import customer_session, mailed_link

#: Random bytes of an id; it is signed too, so that nobody can try any.
ID_BYTES = 18
SESSION_LASTS = timedelta(days=30)


class Purpose(enum.Enum):
    """What a mailed link is for."""

    SIGN_IN = "sign_in"
    ADD_EMAIL = "add_email"
    CLAIM = "claim"


#: A claim comes unasked and may lie in a mailbox for a while.
LASTS = {
    Purpose.SIGN_IN: timedelta(minutes=30),
    Purpose.ADD_EMAIL: timedelta(minutes=30),
    Purpose.CLAIM: timedelta(days=60),
}


def add_link(
    conn: sa.Connection,
    purpose: Purpose,
    email: str,
    *,
    language: str,
    now: datetime,
    customer_id: int | None = None,
) -> str:
    """Make a link for whoever reads ``email``; return its id."""
    link_id = secrets.token_urlsafe(ID_BYTES)
    conn.execute(
        sa.insert(mailed_link).values(
            id=link_id,
            purpose=purpose.value,
            email=email,
            language=language,
            customer_id=customer_id,
            created_at=now,
            expires_at=now + LASTS[purpose],
        )
    )
    return link_id


def live_link(conn: sa.Connection, link_id: str, *, now: datetime) -> sa.Row[Any] | None:
    """A link that may still be used, or None."""
    return conn.execute(sa.select(mailed_link).where(_live(link_id, now))).first()


def use_link(conn: sa.Connection, link_id: str, *, now: datetime) -> sa.Row[Any] | None:
    """Use a link up and return it; None if it was used before or is too old."""
    return conn.execute(
        sa.update(mailed_link)
        .where(_live(link_id, now))
        .values(used_at=now)
        .returning(*mailed_link.c)
    ).first()


def _live(link_id: str, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        mailed_link.c.id == link_id,
        mailed_link.c.used_at.is_(None),
        mailed_link.c.expires_at > now,
    )


def open_session(conn: sa.Connection, customer_id: int, *, now: datetime) -> str:
    """Sign a customer in; return the session's id."""
    session_id = secrets.token_urlsafe(ID_BYTES)
    conn.execute(
        sa.insert(customer_session).values(
            id=session_id,
            customer_id=customer_id,
            created_at=now,
            expires_at=now + SESSION_LASTS,
        )
    )
    return session_id


def signed_in(conn: sa.Connection, session_id: str, *, now: datetime) -> int | None:
    """The id of the customer whose live session this is, or None."""
    return conn.execute(
        sa.select(customer_session.c.customer_id).where(
            customer_session.c.id == session_id,
            customer_session.c.revoked_at.is_(None),
            customer_session.c.expires_at > now,
        )
    ).scalar_one_or_none()


def close_session(conn: sa.Connection, session_id: str, *, now: datetime) -> None:
    """End one session."""
    conn.execute(
        sa.update(customer_session)
        .where(customer_session.c.id == session_id)
        .values(revoked_at=now)
    )


def close_sessions(conn: sa.Connection, customer_id: int, *, now: datetime) -> int:
    """End every session of a customer; return how many were live."""
    return conn.execute(
        sa.update(customer_session)
        .where(
            customer_session.c.customer_id == customer_id,
            customer_session.c.revoked_at.is_(None),
            customer_session.c.expires_at > now,
        )
        .values(revoked_at=now)
    ).rowcount
