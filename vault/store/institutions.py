"""Institutions and their tokens: add, find, list, revoke."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from vault.store.tables import institution, token
from vault.tokens import PREFIX_LENGTH, NewToken, Permission, Token, hash_of, permissions_text

#: A token's last use is noted to this precision; otherwise each request would be a write.
USE_NOTED_EVERY = timedelta(minutes=1)


class AlreadyThere(Exception):
    """An institution of that name exists."""


class NoSuchInstitution(LookupError):
    """No institution has that name; the text lists those there are."""


def add(conn: sa.Connection, said: Mapping[str, str | None], *, now: datetime) -> int:
    """Add an institution, return its id; raises AlreadyThere.

    ``said`` has its ``name`` and what else `vault.institution.checked` gives.
    """
    _require_free(conn, said["name"])
    added = sa.insert(institution).values(**said, created_at=now)
    return int(conn.execute(added.returning(institution.c.id)).scalar_one())


def change(conn: sa.Connection, institution_id: int, said: Mapping[str, str | None]) -> None:
    """Change what is said of an institution, as `add` takes it; raises AlreadyThere."""
    if "name" in said:
        _require_free(conn, said["name"], but=institution_id)
    conn.execute(sa.update(institution).where(institution.c.id == institution_id).values(**said))


def _require_free(conn: sa.Connection, name: str | None, *, but: int | None = None) -> None:
    found = conn.scalar(sa.select(institution.c.id).where(institution.c.name == name))
    if found not in (None, but):
        raise AlreadyThere(f"There is an institution {name!r} already.")


def get(conn: sa.Connection, institution_id: int) -> sa.Row[Any]:
    """One institution."""
    return conn.execute(sa.select(institution).where(institution.c.id == institution_id)).one()


def find(conn: sa.Connection, name: str) -> int:
    """Return an institution's id; raises NoSuchInstitution."""
    found = conn.execute(sa.select(institution.c.id).where(institution.c.name == name)).first()
    if found is None:
        names = ", ".join(repr(row.name) for row in all_of_them(conn)) or "none"
        raise NoSuchInstitution(
            f"There is no institution {name!r}. There are: {names}. "
            f'Add it: certvault institution add "{name}"'
        )
    return int(found.id)


def all_of_them(conn: sa.Connection) -> Sequence[sa.Row[Any]]:
    """Every institution, by name."""
    return conn.execute(sa.select(institution).order_by(institution.c.name)).all()


def add_token(
    conn: sa.Connection,
    *,
    institution_id: int,
    made: NewToken,
    permissions: frozenset[Permission],
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """Keep a token's hash and what it permits."""
    conn.execute(
        sa.insert(token).values(
            institution_id=institution_id,
            sha256=made.sha256,
            prefix=made.prefix,
            permissions=permissions_text(permissions),
            expires_at=expires_at,
            created_at=now,
        )
    )


class ValidTokens:
    """The tokens there are, but for those that are expired or revoked; made once, asked often."""

    def __init__(self, *, clock: sa.ColumnElement[datetime]) -> None:
        self._asked = sa.select(token, clock.label("asked_at")).where(
            token.c.sha256.in_(sa.bindparam("hashes", expanding=True)),
            token.c.revoked_at.is_(None),
            sa.or_(token.c.expires_at.is_(None), token.c.expires_at > clock),
        )

    def among(self, conn: sa.Connection, hashes: Collection[str]) -> Mapping[str, Token]:
        """Those of these hashes, by hash."""
        rows = conn.execute(self._asked, {"hashes": list(hashes)})
        return {
            row.sha256: Token(
                id=row.id,
                institution_id=row.institution_id,
                permissions=frozenset(Permission(p) for p in row.permissions.split(",") if p),
                last_used_at=row.last_used_at,
                asked_at=row.asked_at,
            )
            for row in rows
        }


def use_is_worth_noting(found: Token) -> bool:
    """Whether the token's last use, as noted, is too old."""
    return found.last_used_at is None or found.asked_at - found.last_used_at >= USE_NOTED_EVERY


def note_use(conn: sa.Connection, found: Token) -> None:
    """Note that a token was used."""
    used = sa.update(token).where(token.c.id == found.id)
    conn.execute(used.values(last_used_at=found.asked_at))


def tokens(conn: sa.Connection) -> Sequence[sa.Row[Any]]:
    """Every token with its institution's name as ``institution``, oldest first."""
    return conn.execute(
        sa.select(token, institution.c.name.label("institution"))
        .join(institution)
        .order_by(token.c.id)
    ).all()


def revoke_token(conn: sa.Connection, text: str, *, now: datetime) -> int:
    """Revoke a live token, named by its prefix or whole; return how many there were."""
    named = token.c.prefix == text
    if len(text) > PREFIX_LENGTH:
        named = token.c.sha256 == hash_of(text)
    return conn.execute(
        sa.update(token).where(named, token.c.revoked_at.is_(None)).values(revoked_at=now)
    ).rowcount
