"""Revoke certificates that newer ones replace, where their vault can.

Asking for it again does no harm, so a call whose answer was lost is simply made again. A vault that
cannot revoke keeps the older one valid, which is written down. What replaces it under the same key
is then held: a person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import account as accounts
from bridge.pipeline import endings, replacing, trail
from bridge.pipeline.account import Account
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug, cause_of
from bridge.pipeline.guard import poisoned
from bridge.store import corrections, events, issuances, revocations
from bridge.store.accounts import change as change_account
from bridge.store.file_sources import first_state
from bridge.store.gates import Way
from bridge.store.states import IssuanceState, RevocationState
from bridge.store.tables import revocation
from bridge.store.troubles import MENDED, troubled
from bridge.vault_client import (
    Accepted,
    Ambiguous,
    CannotRevoke,
    Forbidden,
    NotDone,
    NotPermitted,
    Refused,
    RevokeAnswer,
    Unauthorised,
    Unavailable,
    VaultError,
)
from runtime.crashpoint import crashpoint
from runtime.keys import KeyProblem
from runtime.lease import LeaseLost, claim, lease_of, release, save

STEP = "revoke"
BATCH = 25

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A revocation as it stands now, with both certificates."""

    old: sa.Row[Any]
    new: sa.Row[Any]
    reason: str  #: public at the vault

    @property
    def name(self) -> str | None:
        """What the newer one is called at the vault, where it can be named as the replacement."""
        stands = self.new.state == IssuanceState.GENERATED
        return self.new.vault_uuid if stands and self.new.vault_status != "revoked" else None


def run(bridge: Bridge) -> bool:
    """Work on a batch of each issuer's revocations that are due; say whether there may be more."""
    return bridge.sides[STEP].run(partial(_having, bridge), partial(_batch, bridge))


def _having(bridge: Bridge) -> Sequence[str]:
    with bridge.database.read() as conn:
        return revocations.issuers_having(conn, now=bridge.database.now(conn))


def _batch(bridge: Bridge, issuer_id: str) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        rows = claim(
            conn,
            revocation,
            where=sa.and_(revocations.workable(now), revocation.c.issuer_id == issuer_id),
            owner=bridge.owner,
            now=now,
            lease=bridge.settings.lease,
            limit=BATCH,
        )
    if rows:
        crashpoint("revoke.claimed")
        _issuer(bridge, issuer_id, rows)


def _issuer(bridge: Bridge, issuer_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    try:
        account = accounts.of(bridge, issuer_id)
    except KeyProblem:
        _give_back(bridge, rows)
        return
    now_ours = {Way.OPEN: len(rows), Way.PROBE: 1, Way.SHUT: 0}[account.way]
    _give_back(bridge, rows[now_ours:])
    for row in rows[:now_ours]:
        if account.usable:
            with poisoned(STEP, row.id, partial(_move_on, bridge, row)):
                _revoke(bridge, account, row)
        else:
            _give_back(bridge, [row])


def _give_back(bridge: Bridge, rows: Sequence[sa.Row[Any]]) -> None:
    """Their turn comes when their vault's has."""
    for row in rows:
        with bridge.database.write() as conn, endings.unless_lost(conn, row):
            release(conn, revocation, lease_of(row), next_run_at=row.next_run_at)


def _revoke(bridge: Bridge, account: Account, row: sa.Row[Any]) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        pair = _pair(conn, row)
        save(conn, revocation, lease_of(row), lease_until=now + bridge.settings.lease)
        number = issuances.begin_attempt(
            conn,
            pair.old.id,
            STEP,
            fence=row.fence,
            natural_key=replacing.key_of(pair.old),
            request_sha256="",
            now=now,
            deadline=now + bridge.settings.vault_deadline,
        )
        crashpoint("revoke.intending")
    crashpoint("revoke.intended")
    answer = account.vault.revoke(pair.old.vault_uuid, reason=pair.reason, replaced_by=pair.name)
    crashpoint("revoke.sent")
    ended: RevokeAnswer | VaultError = answer
    is_revoked = isinstance(answer, Accepted)
    if isinstance(answer, CannotRevoke):
        # Nothing at that address: has the vault no such call, or no such certificate?
        try:
            found = account.vault.view(pair.old.vault_uuid)
            is_revoked = found is None or found.status == replacing.REVOKED
        except VaultError as exc:
            ended = exc
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        endings.note(conn, number, answer, now=now)
        accounts.heard(bridge, conn, account, [ended], now=now)
        with endings.unless_lost(conn, row):
            _settle(bridge, conn, row, pair, ended, is_revoked=is_revoked, now=now)
        crashpoint("revoke.concluding")
    crashpoint("revoke.concluded")
    bridge.ring("issue")
    log.info("revoked", **trail.of(pair.old), outcome=type(ended).__name__)


def _pair(conn: sa.Connection, row: sa.Row[Any]) -> _Pair:
    # As it stands now: what replaces it may be another one since it was claimed.
    now = conn.execute(sa.select(revocation).where(revocation.c.id == row.id)).one()
    old, new = issuances.by_id(conn, now.issuance_id), issuances.by_id(conn, now.replaced_by)
    if old is None or new is None:
        raise LeaseLost(f"revocation {row.id}")
    return _Pair(old=old, new=new, reason=corrections.by_id(conn, now.correction_id).reason)


def _settle(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    told: _Pair,
    ended: RevokeAnswer | VaultError,
    *,
    is_revoked: bool,
    now: datetime,
) -> None:
    """``told`` is what the vault was told."""
    if is_revoked:
        _revoked(conn, row, _pair(conn, row), told.name, now=now)
        return
    match ended:
        case CannotRevoke():
            change_account(conn, row.issuer_id, kind="issuer", revokes=False)
            _kept(conn, row, _pair(conn, row), now=now)
        case Refused(message=message):
            problem = f"The vault refuses to revoke it: {message}"
            remedy = f"Ask the vault's operator, then `vaultbridge replay {row.id}`."
            _trouble(conn, row, cause_of(STEP, ended), problem, remedy, at=None, now=now)
        case (
            NotPermitted(message=message, remedy=remedy)
            | Unauthorised(message=message, remedy=remedy)
        ):
            _later(bridge, conn, row, cause_of(STEP, ended), message, remedy, now=now)
        case NotDone(message=message) | Ambiguous(message=message):
            wait = ended.retry_after
            _later(bridge, conn, row, cause_of(STEP, ended), message, now=now, at_least=wait)
        case VaultError():
            remedy = ended.remedy if isinstance(ended, Forbidden) else endings.BY_ITSELF
            wait = ended.retry_after if isinstance(ended, Unavailable) else None
            why = cause_of(STEP, ended)
            _later(bridge, conn, row, why, str(ended), remedy, now=now, at_least=wait)


def _revoked(
    conn: sa.Connection, row: sa.Row[Any], pair: _Pair, named: str | None, *, now: datetime
) -> None:
    """The vault has revoked it, which frees its key; what waited for that is sent now."""
    if pair.name is None:
        state, at = RevocationState.REVOKED, None  # due again once there is a name to tell
    elif pair.name == named:
        state, at = RevocationState.DONE, None
    else:
        state, at = RevocationState.DUE, now
    freed = {"vault_status": replacing.REVOKED, "natural_key": None}
    issuances.change(conn, pair.old.id, now=now, **freed)
    if pair.old.vault_status != replacing.REVOKED:
        events.record(conn, pair.old.id, "revoked at the vault", at=now, detail=pair.reason)
    if pair.new.state == IssuanceState.WAITING:
        goes = first_state(pair.new.certificate)
        issuances.change(conn, pair.new.id, now=now, state=goes, next_run_at=now)
        events.record(conn, pair.new.id, goes.value, at=now)
    # Last, as everybody has their turn: the certificates, then what is said of them.
    release(conn, revocation, lease_of(row), next_run_at=at, state=state, tries=0, **MENDED)


def _kept(conn: sa.Connection, row: sa.Row[Any], pair: _Pair, *, now: datetime) -> None:
    """The vault cannot revoke it: it stays valid there."""
    events.record(conn, pair.old.id, "stays valid: its vault cannot revoke", at=now)
    if pair.new.state == IssuanceState.WAITING:
        held = IssuanceState.HELD
        said = replacing.key_kept(pair.new, pair.old, now=now)
        issuances.change(conn, pair.new.id, now=now, state=held, natural_key=None, **said)
        events.record(conn, pair.new.id, held.value, at=now, detail=said["problem"])
        replacing.give_key_back(conn, pair.old, now=now)
    kept = RevocationState.KEPT
    release(conn, revocation, lease_of(row), next_run_at=None, state=kept, tries=0, **MENDED)


def _later(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    cause: str,
    problem: str,
    remedy: str = endings.BY_ITSELF,
    *,
    now: datetime,
    at_least: timedelta | None = None,
) -> None:
    at = now + bridge.backoff.wait(row.tries + 1, at_least=at_least)
    _trouble(conn, row, cause, problem, remedy, at=at, now=now)


def _trouble(
    conn: sa.Connection,
    row: sa.Row[Any],
    cause: str,
    problem: str,
    remedy: str,
    *,
    at: datetime | None,
    now: datetime,
) -> None:
    said = troubled(row, cause=cause, problem=problem, remedy=remedy, now=now)
    release(conn, revocation, lease_of(row), next_run_at=at, tries=row.tries + 1, **said)


def _move_on(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    problem = f"Revoking it failed with {name}, which is a fault in the program."
    remedy = "Report it with the log's trace."
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        _later(bridge, conn, row, bug(STEP, name), problem, remedy, now=now)
