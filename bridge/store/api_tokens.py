"""Tokens of the API: whose they are, what they may, until when; and by what a program is known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.accounts import NotThere
from bridge.store.ids import new_id
from bridge.store.tables import api_token, person


def _hash(token: str) -> str:
    # A hash without salt: what it is made of cannot be guessed.
    return hashlib.sha256(token.encode()).hexdigest()


def add(
    conn: sa.Connection,
    token: str,
    *,
    name: str,
    person_id: str | None,
    made_by: str,
    scope: str,
    limits: Mapping[str, Any] | None,
    expires_at: datetime,
    now: datetime,
) -> str:
    """Keep a token's hash; return its id."""
    row_id = new_id("tk", now)
    conn.execute(
        sa.insert(api_token).values(
            id=row_id,
            name=name,
            person_id=person_id,
            made_by=made_by,
            scope=scope,
            limits=limits,
            hash=_hash(token),
            created_at=now,
            expires_at=expires_at,
        )
    )
    return row_id


_with_person: sa.Select[Any] = sa.select(
    *(column for column in api_token.c if column is not api_token.c.hash),
    person.c.email,
    person.c.role,
    person.c.limits.label("person_limits"),
    person.c.removed_at.label("person_removed_at"),
).outerjoin(person, person.c.id == api_token.c.person_id)


def valid(conn: sa.Connection, token: str, *, now: datetime) -> sa.Row[Any] | None:
    """A token's row with its person's, as they are now; None if it is none, or has ended."""
    query = _with_person.where(
        api_token.c.hash == _hash(token),
        api_token.c.revoked_at.is_(None),
        api_token.c.expires_at > now,
        person.c.removed_at.is_(None),
    )
    return conn.execute(query).first()


def note_used(conn: sa.Connection, row_id: str, *, now: datetime) -> None:
    """Write down that it was used."""
    conn.execute(sa.update(api_token).where(api_token.c.id == row_id).values(last_used_at=now))


def known(
    conn: sa.Connection, *, of: str | None = None, after: str | None = None, limit: int
) -> Sequence[sa.Row[Any]]:
    """Tokens with their people, newest first; ``of`` one person, if they are named."""
    query = _with_person.order_by(api_token.c.id.desc()).limit(limit)
    if of is not None:
        query = query.where(api_token.c.person_id == of)
    if after is not None:
        query = query.where(api_token.c.id < after)
    return conn.execute(query).all()


def by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    """One token with its person; raises NotThere."""
    row = conn.execute(_with_person.where(api_token.c.id == row_id)).first()
    if row is None:
        raise NotThere(f"There is no token {row_id}. `vaultbridge tokens` lists them.")
    return row


def revoke(conn: sa.Connection, row_id: str, *, now: datetime) -> bool:
    """Let a token work no more; False where that was so before."""
    live = sa.and_(api_token.c.id == row_id, api_token.c.revoked_at.is_(None))
    return conn.execute(sa.update(api_token).where(live).values(revoked_at=now)).rowcount == 1
