"""Issuances as a vault's list is compared with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.states import IssuanceState
from bridge.store.tables import issuance, issuer

#: States in which a certificate with a uuid must be at its vault.
AT_VAULT = (IssuanceState.PROCESSING, IssuanceState.GENERATED)


def next_issuer(conn: sa.Connection, site_id: str, *, after: str) -> str | None:
    """The next issuer, by id, that has issued or shall issue anything for a site."""
    theirs = sa.exists().where(issuance.c.issuer_id == issuer.c.id, issuance.c.site_id == site_id)
    found: str | None = conn.execute(
        sa.select(issuer.c.id).where(issuer.c.id > after, theirs).order_by(issuer.c.id).limit(1)
    ).scalar()
    return found


def by_uuids(conn: sa.Connection, uuids: Collection[str]) -> Mapping[str, sa.Row[Any]]:
    """Issuances by their certificates' ids at the vault."""
    rows = conn.execute(sa.select(issuance).where(issuance.c.vault_uuid.in_(uuids)))
    return {row.vault_uuid: row for row in rows}


def by_keys(conn: sa.Connection, natural_keys: Collection[str]) -> Mapping[str, sa.Row[Any]]:
    """Issuances by their natural keys."""
    rows = conn.execute(sa.select(issuance).where(issuance.c.natural_key.in_(natural_keys)))
    return {row.natural_key: row for row in rows}


def at_vault(
    conn: sa.Connection,
    site_id: str,
    issuer_id: str,
    *,
    since: datetime,
    until: datetime,
    after: str,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Issuances of a site that must be at an issuer's vault, by id, a batch at a time."""
    return conn.execute(
        sa.select(issuance)
        .where(
            issuance.c.site_id == site_id,
            issuance.c.issuer_id == issuer_id,
            issuance.c.vault_uuid.is_not(None),
            issuance.c.state.in_(AT_VAULT),
            # One that is revoked is missed by nobody.
            issuance.c.vault_status.is_distinct_from("revoked"),
            issuance.c.created_at >= since,
            issuance.c.updated_at < until,
            issuance.c.id > after,
        )
        .order_by(issuance.c.id)
        .limit(limit)
    ).all()
