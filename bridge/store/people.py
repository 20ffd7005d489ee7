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
from bridge.store.tables import identity, invitation, person, session, sign_in_begun

#: A session ends when it was not used for so long, and after so long at the latest.
IDLE, LONGEST = timedelta(hours=12), timedelta(days=7)
#: How exactly it is known when somebody was last here.
SEEN_EVERY = timedelta(minutes=5)
#: A link is made for somebody who waits for it.
LINK_LASTS = timedelta(days=3)
#: How long somebody may take at the institution's sign-in.
AWAY_LASTS = timedelta(minutes=10)

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
    """Everybody who was not removed, by address; with ``by_institution``: who signs in by it."""
    return conn.execute(
        sa.select(person, identity.c.subject.is_not(None).label("by_institution"))
        .select_from(person.outerjoin(identity))
        .where(person.c.removed_at.is_(None))
        .order_by(person.c.email_key)
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


def of_identity(conn: sa.Connection, issuer: str, subject: str) -> sa.Row[Any] | None:
    """Who signs in by the institution under this name; they may have been removed."""
    return conn.execute(
        sa.select(person)
        .join(identity)
        .where(identity.c.issuer == issuer, identity.c.subject == subject)
    ).first()


def has_identity(conn: sa.Connection, person_id: str) -> bool:
    """Whether somebody signs in by the institution."""
    query = sa.select(identity.c.subject).where(identity.c.person_id == person_id)
    return conn.execute(query).first() is not None


def identify(
    conn: sa.Connection, person_id: str, issuer: str, subject: str, *, now: datetime
) -> None:
    """From now on whoever has this name at the institution is this person."""
    forget_identity(conn, issuer, subject)
    conn.execute(
        sa.insert(identity).values(
            issuer=issuer, subject=subject, person_id=person_id, created_at=now
        )
    )
    _forget_links(conn, person_id)


def forget_identity(conn: sa.Connection, issuer: str, subject: str) -> None:
    """From now on nobody is known by this name at the institution."""
    conn.execute(
        sa.delete(identity).where(identity.c.issuer == issuer, identity.c.subject == subject)
    )


def go_away(
    conn: sa.Connection, state: str, *, nonce: str, verifier: str, onward: str, now: datetime
) -> None:
    """Write down that a browser is away at the institution's sign-in."""
    conn.execute(
        sa.insert(sign_in_begun).values(
            id=_id(state),
            nonce=nonce,
            verifier=verifier,
            onward=onward,
            expires_at=now + AWAY_LASTS,
        )
    )


def come_back(conn: sa.Connection, state: str, *, now: datetime) -> sa.Row[Any] | None:
    """What was written down when it went, once; None where it is too late, or none of ours."""
    return conn.execute(
        sa.delete(sign_in_begun)
        .where(sign_in_begun.c.id == _id(state), sign_in_begun.c.expires_at > now)
        .returning(sign_in_begun)
    ).first()


def sign_in(
    conn: sa.Connection,
    person_id: str,
    *,
    now: datetime,
    browser: str | None = None,
    network: str | None = None,
) -> str:
    """Begin a session; return the token that the browser keeps.

    ``browser`` and ``network`` are by what its owner knows it again.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    conn.execute(
        sa.insert(session).values(
            id=_id(token),
            person_id=person_id,
            created_at=now,
            seen_at=now,
            browser=browser,
            network=network,
        )
    )
    change(conn, person_id, seen_at=now)
    return token


def signed_in(conn: sa.Connection, token: str, *, now: datetime) -> sa.Row[Any] | None:
    """Whose session it is, as they are now, with ``session_seen_at``; None where it has ended."""
    return conn.execute(
        sa.select(person, session.c.seen_at.label("session_seen_at"))
        .join(session, session.c.person_id == person.c.id)
        .where(session.c.id == _id(token), person.c.removed_at.is_(None), *_lasting(now))
    ).first()


def _lasting(now: datetime) -> Sequence[sa.ColumnElement[bool]]:
    """Sessions whose time is not up."""
    return session.c.seen_at > now - IDLE, session.c.created_at > now - LONGEST


def note_seen(conn: sa.Connection, token: str, person_id: str, *, now: datetime) -> None:
    """Write down that somebody is still here."""
    conn.execute(sa.update(session).where(session.c.id == _id(token)).values(seen_at=now))
    change(conn, person_id, seen_at=now)


def sign_out(conn: sa.Connection, token: str) -> None:
    """End one session."""
    conn.execute(sa.delete(session).where(session.c.id == _id(token)))


def sessions(
    conn: sa.Connection, person_id: str, *, token: str, now: datetime
) -> Sequence[sa.Row[Any]]:
    """Where somebody is signed in, newest first; ``here`` is where they look from."""
    return conn.execute(
        sa.select(session, (session.c.id == _id(token)).label("here"))
        .where(session.c.person_id == person_id, *_lasting(now))
        .order_by(session.c.seen_at.desc(), session.c.id)
    ).all()


def end_session(conn: sa.Connection, person_id: str, session_id: str) -> bool:
    """End one session of somebody; whether there was one."""
    gone = sa.delete(session).where(session.c.person_id == person_id, session.c.id == session_id)
    return conn.execute(gone).rowcount == 1


def sign_out_elsewhere(conn: sa.Connection, person_id: str, *, token: str) -> int:
    """End all sessions of somebody but the one whose token this is; return how many."""
    gone = sa.delete(session).where(session.c.person_id == person_id, session.c.id != _id(token))
    return conn.execute(gone).rowcount


def sign_out_everywhere(conn: sa.Connection, person_id: str) -> int:
    """End all sessions of somebody; return how many there were."""
    return conn.execute(sa.delete(session).where(session.c.person_id == person_id)).rowcount


def forget_ended(conn: sa.Connection, *, now: datetime) -> None:
    """Drop sessions and links whose time is up."""
    late = sa.or_(session.c.seen_at <= now - IDLE, session.c.created_at <= now - LONGEST)
    conn.execute(sa.delete(session).where(late))
    conn.execute(sa.delete(invitation).where(invitation.c.expires_at <= now))
    conn.execute(sa.delete(sign_in_begun).where(sign_in_begun.c.expires_at <= now))
