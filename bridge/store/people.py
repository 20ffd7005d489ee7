"""People, where they are signed in, and the links by which they choose a password."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from bridge.store.accounts import NameTaken, NotThere
from bridge.store.ids import new_id
from bridge.store.tables import invitation, person, session

#: A session ends when it was not used for so long, and after so long at the latest.
IDLE, LONGEST = timedelta(hours=12), timedelta(days=7)
#: How exactly it is known when somebody was last here.
SEEN_EVERY = timedelta(minutes=5)
#: A link is made for somebody who waits for it.
LINK_LASTS = timedelta(days=3)

_TOKEN_BYTES = 32


def email_key(email: str) -> str:
    """An address as it is compared."""
    return email.strip().casefold()


def _id(token: str) -> str:
    # A hash without salt: what it is made of cannot be guessed.
    return hashlib.sha256(token.encode()).hexdigest()


def add(
    conn: sa.Connection, email: str, *, name: str, role: str, limits: Any, now: datetime
) -> str:
    """Add a person, who has no password yet; return their id. Raises NameTaken."""
    row_id = new_id("pe", now)
    try:
        with conn.begin_nested():
            conn.execute(
                sa.insert(person).values(
                    id=row_id,
                    email=email.strip(),
                    email_key=email_key(email),
                    name=name,
                    role=role,
                    limits=limits,
                    created_at=now,
                )
            )
    except IntegrityError as exc:
        raise NameTaken(f"There is somebody with the address {email} already.") from exc
    return row_id


def everybody(conn: sa.Connection) -> Sequence[sa.Row[Any]]:
    """Everybody who was not removed, by address."""
    return conn.execute(
        sa.select(person).where(person.c.removed_at.is_(None)).order_by(person.c.email_key)
    ).all()


def there_are_any(conn: sa.Connection) -> bool:
    """Whether there is anybody."""
    found = sa.select(sa.literal(1)).where(person.c.removed_at.is_(None)).limit(1)
    return conn.execute(found).first() is not None


def of_email(conn: sa.Connection, email: str) -> sa.Row[Any] | None:
    """Who has this address."""
    key = email_key(email)
    return conn.execute(
        sa.select(person).where(person.c.email_key == key, person.c.removed_at.is_(None))
    ).first()


def named(conn: sa.Connection, email: str) -> sa.Row[Any]:
    """Who has this address; raises NotThere."""
    row = of_email(conn, email)
    if row is None:
        raise NotThere(f"There is nobody with the address {email}. See `vaultbridge people`.")
    return row


def change(conn: sa.Connection, person_id: str, **values: Any) -> None:
    """Change a person's row."""
    conn.execute(sa.update(person).where(person.c.id == person_id).values(**values))


def remove(conn: sa.Connection, person_id: str, *, now: datetime) -> None:
    """Remove somebody: they are signed out, and no link of theirs works any more."""
    change(conn, person_id, removed_at=now, password=None)
    sign_out_everywhere(conn, person_id)
    _forget_links(conn, person_id)


def invite(conn: sa.Connection, person_id: str | None, *, now: datetime) -> str:
    """Make a link's token, by which a password is chosen once; those before work no more.

    None as ``person_id``: for whoever becomes the first admin.
    """
    _forget_links(conn, person_id)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    conn.execute(
        sa.insert(invitation).values(
            id=_id(token), person_id=person_id, created_at=now, expires_at=now + LINK_LASTS
        )
    )
    return token


def _forget_links(conn: sa.Connection, person_id: str | None) -> None:
    conn.execute(
        sa.delete(invitation).where(invitation.c.person_id.is_not_distinct_from(person_id))
    )


def invited(conn: sa.Connection, token: str, *, now: datetime) -> sa.Row[Any] | None:
    """What a link's token is for: ``person_id`` and the person's ``email`` and ``name``, if any."""
    query: sa.Select[Any] = (
        sa.select(invitation.c.person_id, person.c.email, person.c.name)
        .select_from(invitation.outerjoin(person))
        .where(invitation.c.id == _id(token), invitation.c.expires_at > now)
    )
    return conn.execute(query).first()


def use_link(conn: sa.Connection, token: str, *, now: datetime) -> bool:
    """Use a link up; whether it was there to be used."""
    gone = sa.delete(invitation).where(invitation.c.id == _id(token), invitation.c.expires_at > now)
    return conn.execute(gone).rowcount == 1


def sign_in(conn: sa.Connection, person_id: str, *, now: datetime) -> str:
    """Begin a session; return the token that the browser keeps."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    conn.execute(
        sa.insert(session).values(id=_id(token), person_id=person_id, created_at=now, seen_at=now)
    )
    change(conn, person_id, seen_at=now)
    return token


def signed_in(conn: sa.Connection, token: str, *, now: datetime) -> sa.Row[Any] | None:
    """Whose session it is, as they are now, with ``session_seen_at``; None where it has ended."""
    return conn.execute(
        sa.select(person, session.c.seen_at.label("session_seen_at"))
        .join(session, session.c.person_id == person.c.id)
        .where(
            session.c.id == _id(token),
            person.c.removed_at.is_(None),
            session.c.seen_at > now - IDLE,
            session.c.created_at > now - LONGEST,
        )
    ).first()


def note_seen(conn: sa.Connection, token: str, person_id: str, *, now: datetime) -> None:
    """Write down that somebody is still here."""
    conn.execute(sa.update(session).where(session.c.id == _id(token)).values(seen_at=now))
    change(conn, person_id, seen_at=now)


def sign_out(conn: sa.Connection, token: str) -> None:
    """End one session."""
    conn.execute(sa.delete(session).where(session.c.id == _id(token)))


def sign_out_everywhere(conn: sa.Connection, person_id: str) -> int:
    """End all sessions of somebody; return how many there were."""
    return conn.execute(sa.delete(session).where(session.c.person_id == person_id)).rowcount


def forget_ended(conn: sa.Connection, *, now: datetime) -> None:
    """Drop sessions and links whose time is up."""
    late = sa.or_(session.c.seen_at <= now - IDLE, session.c.created_at <= now - LONGEST)
    conn.execute(sa.delete(session).where(late))
    conn.execute(sa.delete(invitation).where(invitation.c.expires_at <= now))
