"""How far the lists of vaults have been read: a row for each site and issuer."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bridge.store.tables import vault_walk
from runtime.inserting import insert


def of(conn: sa.Connection, site_id: str, issuer_id: str) -> sa.Row[Any] | None:
    """The last walk that was written down."""
    this = sa.and_(vault_walk.c.site_id == site_id, vault_walk.c.issuer_id == issuer_id)
    return conn.execute(sa.select(vault_walk).where(this)).first()


def write(conn: sa.Connection, site_id: str, issuer_id: str, **values: Any) -> None:
    """Write down how far a walk has come, in the place of the last."""
    row = insert(conn, vault_walk).values(site_id=site_id, issuer_id=issuer_id, **values)
    conn.execute(row.on_conflict_do_update(index_elements=["site_id", "issuer_id"], set_=values))
