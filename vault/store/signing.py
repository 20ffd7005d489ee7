"""Institutions' signing keys as records: one an institution, its secrets encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from runtime.database import UtcDateTime
from vault.store.tables import institution, metadata

#: ``subject`` and ``valid_until`` are the certificate's, for lists; what counts is in ``secrets``.
signing_key = sa.Table(
    "signing_key",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("institution_id", sa.ForeignKey("institution.id"), nullable=False, unique=True),
    sa.Column("secrets", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("valid_until", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)


def put(
    conn: sa.Connection,
    *,
    institution_id: int,
    secrets: str,
    subject: str,
    valid_until: datetime,
    now: datetime,
) -> None:
    """Give an institution this key in place of the one it had."""
    remove(conn, institution_id=institution_id)
    conn.execute(
        sa.insert(signing_key).values(
            institution_id=institution_id,
            secrets=secrets,
            subject=subject,
            valid_until=valid_until,
            created_at=now,
        )
    )


def find(conn: sa.Connection, *, institution_id: int) -> sa.Row[Any] | None:
    """An institution's key, or None."""
    mine = signing_key.c.institution_id == institution_id
    return conn.execute(sa.select(signing_key).where(mine)).first()


def remove(conn: sa.Connection, *, institution_id: int) -> bool:
    """Forget an institution's key; return whether there was one."""
    mine = signing_key.c.institution_id == institution_id
    return bool(conn.execute(sa.delete(signing_key).where(mine)).rowcount)


def all_of_them(conn: sa.Connection) -> Sequence[sa.Row[Any]]:
    """Every key with its institution's name as ``institution``, by that name."""
    return conn.execute(
        sa.select(signing_key, institution.c.name.label("institution"))
        .join(institution)
        .order_by(institution.c.name)
    ).all()
