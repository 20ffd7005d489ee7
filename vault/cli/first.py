"""The first start of an embedded vault: its institution, and a token that may do everything."""

from __future__ import annotations

import sqlalchemy as sa

from runtime.database import Database
from vault.institution import name_of
from vault.store import institutions
from vault.tokens import Permission, new_token


def first_token(conn: sa.Connection, database: Database, name: str) -> str | None:
    """Make the institution ``name`` and return its token's text; None if there is one already."""
    if institutions.all_of_them(conn):
        return None
    now = database.now(conn)
    made = new_token()
    institutions.add_token(
        conn,
        institution_id=institutions.add(conn, {"name": name_of(name)}, now=now),
        made=made,
        permissions=frozenset(Permission),
        expires_at=None,
        now=now,
    )
    return made.text
