"""Learners whose data was erased: the requests, and the salted hashes that are left of them.

What is left of a learner says neither who they are nor what they are called at their LMS, and still
tells whether a completion or a certificate is one of theirs: so nothing is issued again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store import restored
from bridge.store.ids import new_id
from bridge.store.issuances import reachable
from bridge.store.states import ErasureState, VaultErasureState
from bridge.store.tables import completion, erasure, issuance, issuer, site, vault_erasure
from runtime.lease import due

#: What every learner's id at the LMS is replaced by begins with this.
ERASED = "erased-"

_salt = sa.select(erasure.c.salt).limit(1)


def salt(conn: sa.Connection) -> str | None:
    """The installation's salt; None while nobody was erased."""
    found: str | None = conn.execute(_salt).scalar()
    return found


def new_salt() -> str:
    """A salt for the first erasure."""
    return secrets.token_hex(32)


def pseudonym(salted: str, site_id: str, learner_id: str) -> str:
    """What stands in the place of a learner's id at an LMS."""
    return ERASED + _hash(salted, "learner", site_id, learner_id)[:40]


def key_left(salted: str, natural_key: str) -> str:
    """What stands in the place of a natural key."""
    return _hash(salted, "key", natural_key)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def known(
    conn: sa.Connection, site_id: str, *, course_id: str, learner_id: str, round_: str
) -> bool:
    """Whether a completion is one that was erased."""
    salted = salt(conn)
    if salted is None:
        return False
    theirs = (
        completion.c.site_id == site_id,
        completion.c.course_id == course_id,
        completion.c.learner_id == pseudonym(salted, site_id, learner_id),
        completion.c.round == round_,
    )
    return conn.execute(sa.select(completion.c.id).where(*theirs)).first() is not None


def owns(conn: sa.Connection, natural_key: str) -> bool:
    """Whether a certificate of this natural key was erased."""
    salted = salt(conn)
    if salted is None:
        return False
    left = issuance.c.natural_key == key_left(salted, natural_key)
    return conn.execute(sa.select(issuance.c.id).where(left)).first() is not None


def add(
    conn: sa.Connection,
    site_id: str,
    *,
    who: str,
    reason: str,
    salted: str,
    sealed: str,
    counts: Mapping[str, Any],
    now: datetime,
) -> str:
    """Write an erasure down; raw deliveries are searched from now on."""
    row_id = new_id("er", now)
    conn.execute(
        sa.insert(erasure).values(
            id=row_id,
            site_id=site_id,
            who=who,
            reason=reason,
            state=ErasureState.SEARCHING,
            salt=salted,
            sealed=sealed,
            counts=dict(counts),
            created_at=now,
            next_run_at=now,
        )
    )
    return row_id


def tell_vault(conn: sa.Connection, erasure_id: str, row: sa.Row[Any], *, now: datetime) -> None:
    """Have a certificate's vault told to erase, too."""
    conn.execute(
        sa.insert(vault_erasure).values(
            id=new_id("ve", now),
            erasure_id=erasure_id,
            issuance_id=row.id,
            issuer_id=row.issuer_id,
            site_id=row.site_id,
            state=VaultErasureState.DUE,
            created_at=now,
            next_run_at=now,
        )
    )


def workable(now: datetime) -> sa.ColumnElement[bool]:
    """Those that a vault which may be called can be asked for."""
    return sa.and_(
        vault_erasure.c.state == VaultErasureState.DUE,
        reachable(vault_erasure, now),
        restored.sure(vault_erasure.c.site_id),
    )


def searchable(_now: datetime) -> sa.ColumnElement[bool]:
    """Erasures whose raw deliveries are still searched."""
    return erasure.c.state == ErasureState.SEARCHING


def issuers_having(conn: sa.Connection, *, now: datetime) -> Sequence[str]:
    """The issuers whose vaults are to erase now."""
    theirs = sa.select(vault_erasure.c.id).where(
        vault_erasure.c.issuer_id == issuer.c.id, workable(now), due(vault_erasure, now)
    )
    return conn.execute(sa.select(issuer.c.id).where(theirs.exists())).scalars().all()


def recent(conn: sa.Connection, *, limit: int = 100) -> Sequence[sa.Row[Any]]:
    """Erasures, newest first, with their site and how many vaults have and have not erased."""

    def counted(state: VaultErasureState) -> sa.ScalarSelect[Any]:
        theirs = vault_erasure.c.erasure_id == erasure.c.id, vault_erasure.c.state == state
        return sa.select(sa.func.count()).where(*theirs).scalar_subquery()

    columns = (c for c in erasure.c if c.name not in ("salt", "sealed"))
    query: sa.Select[Any] = sa.select(
        *columns,
        site.c.name.label("site"),
        *(counted(state).label(f"vault_{state.value}") for state in VaultErasureState),
    ).join(site, site.c.id == erasure.c.site_id)
    return conn.execute(query.order_by(erasure.c.id.desc()).limit(limit)).all()


def kept(conn: sa.Connection, erasure_id: str) -> Sequence[sa.Row[Any]]:
    """The certificates of an erasure that a vault must be asked to erase by a person."""
    query: sa.Select[Any] = (
        sa.select(issuance.c.reference_id, issuance.c.vault_uuid, issuer.c.name, issuer.c.vault_url)
        .select_from(vault_erasure)
        .join(issuance, issuance.c.id == vault_erasure.c.issuance_id)
        .join(issuer, issuer.c.id == vault_erasure.c.issuer_id)
        .where(
            vault_erasure.c.erasure_id == erasure_id,
            vault_erasure.c.state == VaultErasureState.KEPT,
        )
        .order_by(issuance.c.id)
    )
    return conn.execute(query).all()
