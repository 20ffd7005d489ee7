"""Learners' links: random ids that stand for one certificate each, until revoked."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.tables import issuance, issuer, link

ID_BYTES = 16
_live = (
    sa.select(link.c.id)
    .where(link.c.issuance_id == sa.bindparam("of"), link.c.revoked_at.is_(None))
    .order_by(link.c.created_at)
    .limit(1)
)


def live_link(conn: sa.Connection, issuance_id: str, *, now: datetime) -> str:
    """The id of an issuance's live link; one is made if it has none."""
    found: str | None = conn.execute(_live, {"of": issuance_id}).scalar()
    if found is not None:
        return found
    fresh = secrets.token_urlsafe(ID_BYTES)
    made = {"id": fresh, "issuance_id": issuance_id, "created_at": now}
    conn.execute(sa.insert(link), made)
    return fresh


def revoke(conn: sa.Connection, issuance_id: str, *, now: datetime) -> int:
    """Revoke an issuance's live links; return how many there were."""
    return conn.execute(
        sa.update(link)
        .where(link.c.issuance_id == issuance_id, link.c.revoked_at.is_(None))
        .values(revoked_at=now)
    ).rowcount


def follow(conn: sa.Connection, link_id: str, *, to: str | None = None) -> sa.Row[Any] | None:
    """What a link stands for: ``revoked_at`` and the issuance with its issuer's columns.

    None for an id that was never given out. ``to``: another issuance, in whose place it now stands.
    """
    return conn.execute(
        sa.select(
            link.c.id.label("link_id"),
            link.c.revoked_at,
            issuance,
            issuer.c.institution_name,
            issuer.c.name.label("issuer_name"),
        )
        .select_from(link)
        .join(issuance, issuance.c.id == (link.c.issuance_id if to is None else to))
        .join(issuer, issuer.c.id == issuance.c.issuer_id)
        .where(link.c.id == link_id)
    ).first()


def of_issuances(conn: sa.Connection, issuance_ids: Sequence[str]) -> dict[str, str]:
    """Live link ids by issuance id."""
    rows = conn.execute(
        sa.select(link.c.issuance_id, link.c.id).where(
            link.c.issuance_id.in_(issuance_ids), link.c.revoked_at.is_(None)
        )
    )
    return {row.issuance_id: row.id for row in rows}
