"""Certificates that newer ones replace, and whether each is revoked at its vault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store import restored
from bridge.store.ids import new_id
from bridge.store.issuances import reachable
from bridge.store.states import RevocationState
from bridge.store.tables import issuance, issuer, revocation, site
from bridge.store.troubles import MENDED
from runtime.inserting import insert
from runtime.lease import due


def put(
    conn: sa.Connection,
    replaced: sa.Row[Any],
    *,
    replaced_by: str,
    correction_id: str,
    state: RevocationState,
    now: datetime,
) -> None:
    """Say what is to become of a certificate that is replaced; of one to be replaced anew, too."""
    then = {
        "replaced_by": replaced_by,
        "correction_id": correction_id,
        "state": state,
        "next_run_at": now if state is RevocationState.DUE else None,
        "tries": 0,
        **MENDED,
    }
    made = {
        "id": new_id("rv", now),
        "issuance_id": replaced.id,
        "issuer_id": replaced.issuer_id,
        "site_id": replaced.site_id,
        "created_at": now,
        **then,
    }
    conn.execute(
        insert(conn, revocation)
        .values(**made)
        .on_conflict_do_update(index_elements=["issuance_id"], set_={**then, "lease_until": None})
    )


def of_replacement(conn: sa.Connection, issuance_id: str) -> sa.Row[Any] | None:
    """The revocation of what an issuance replaces."""
    theirs = revocation.c.replaced_by == issuance_id
    return conn.execute(sa.select(revocation).where(theirs)).first()


def set_going(conn: sa.Connection, issuance_id: str, *, now: datetime) -> None:
    """The newer certificate is there: what it replaces is revoked now, or told of it."""
    conn.execute(
        sa.update(revocation)
        .where(
            revocation.c.replaced_by == issuance_id,
            revocation.c.state.in_([RevocationState.WAITING, RevocationState.REVOKED]),
        )
        .values(state=RevocationState.DUE, next_run_at=now, tries=0, lease_until=None)
    )


def workable(now: datetime) -> sa.ColumnElement[bool]:
    """Revocations that a vault which may be called can be asked for."""
    return sa.and_(
        revocation.c.state == RevocationState.DUE,
        reachable(revocation, now),
        restored.sure(revocation.c.site_id),
    )


def issuers_having(conn: sa.Connection, *, now: datetime) -> Sequence[str]:
    """The issuers with certificates that are to be revoked now."""
    theirs = sa.select(revocation.c.id).where(
        revocation.c.issuer_id == issuer.c.id, workable(now), due(revocation, now)
    )
    return conn.execute(sa.select(issuer.c.id).where(theirs.exists())).scalars().all()


def wake(conn: sa.Connection, issuer_id: str, *, now: datetime) -> None:
    """What waited for an issuer's token goes on now."""
    conn.execute(
        sa.update(revocation)
        .where(
            revocation.c.issuer_id == issuer_id,
            revocation.c.state == RevocationState.DUE,
            revocation.c.lease_until.is_(None),
        )
        .values(next_run_at=now, tries=0)
    )


def kept(conn: sa.Connection, correction_id: str) -> Sequence[Mapping[Any, Any]]:
    """The certificates that stay valid at vaults which cannot revoke, by a correction.

    Each with its site's and issuer's name and the reference id of what replaces it.
    """
    newer = issuance.alias("newer")
    rows = conn.execute(
        sa.select(
            issuance,
            site.c.name.label("site"),
            issuer.c.name.label("issuer"),
            newer.c.id.label("newer_id"),
            newer.c.reference_id.label("newer_reference_id"),
        )
        .join(revocation, revocation.c.issuance_id == issuance.c.id)
        .join(newer, newer.c.id == revocation.c.replaced_by)
        .join(site, site.c.id == issuance.c.site_id)
        .join(issuer, issuer.c.id == issuance.c.issuer_id)
        .where(
            revocation.c.correction_id == correction_id,
            revocation.c.state == RevocationState.KEPT,
        )
        .order_by(issuance.c.id)
    )
    return rows.mappings().all()
