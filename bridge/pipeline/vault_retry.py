"""A certificate that the vault failed to process: it is retried there, never made anew.

It keeps its key at the vault, so that a new one would be refused as its duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import account as accounts
from bridge.pipeline import endings
from bridge.pipeline.account import Account
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause, cause_of
from bridge.store import events, issuances
from bridge.store.states import IssuanceState
from bridge.store.tables import issuance
from bridge.store.troubles import MENDED, troubled
from bridge.vault_client import Ambiguous, Answer, NotDone, Unauthorised, VaultCertificate
from runtime.crashpoint import crashpoint
from runtime.lease import give_back, lease_of, save

MOST_VAULT_RETRIES = 3


def failed(bridge: Bridge, account: Account, row: sa.Row[Any], told: VaultCertificate) -> None:
    """Have it processed again, a few times; then it has failed. Raises VaultError, LeaseLost."""
    whole = account.vault.view(told.uuid) or told  # a list does not say why
    reason = whole.reason or "without a reason"
    if row.vault_retries >= MOST_VAULT_RETRIES:
        _give_up(bridge, row, told, reason)
        return
    number = _intend(bridge, row)
    crashpoint("vault_retry.intended")
    answer = account.vault.retry(told.uuid)
    crashpoint("vault_retry.sent")
    _conclude(bridge, account, row, told, number, answer, reason=reason)


def _give_up(bridge: Bridge, row: sa.Row[Any], told: VaultCertificate, reason: str) -> None:
    with bridge.database.write() as conn:
        endings.stop(
            conn,
            row,
            IssuanceState.FAILED,
            cause=cause("follow", "vault_failed"),
            problem=f"The vault failed to process it {row.vault_retries + 1} times: {reason}",
            remedy=f"Ask the vault's operator; when it is mended, `vaultbridge replay {row.id}`.",
            now=bridge.database.now(conn),
            vault_uuid=told.uuid,
            reference_id=told.reference_id or row.reference_id,
            vault_status=told.status,
        )


def _intend(bridge: Bridge, row: sa.Row[Any]) -> int:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        save(conn, issuance, lease_of(row), updated_at=now)
        return issuances.begin_attempt(
            conn,
            row.id,
            "retry",
            fence=row.fence,
            natural_key=row.natural_key,
            request_sha256="",
            now=now,
            deadline=now + bridge.settings.vault_deadline,
        )


def _conclude(
    bridge: Bridge,
    account: Account,
    row: sa.Row[Any],
    told: VaultCertificate,
    number: int,
    answer: Answer,
    *,
    reason: str,
) -> None:
    """ "Not failed" (400) is good news: it is being processed. Either way the list tells."""
    unheard = isinstance(answer, NotDone | Unauthorised)
    wait = answer.retry_after if isinstance(answer, NotDone | Ambiguous) else None
    retries = row.vault_retries + (0 if unheard else 1)
    tries = row.tries + 1 if unheard else 0
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        endings.note(conn, number, answer, now=now)
        accounts.heard(bridge, conn, account, [answer], now=now)
        with endings.unless_lost(conn, row):
            give_back(
                conn,
                issuance,
                row,
                next_run_at=now
                + endings.poll_wait(bridge).wait(max(retries, tries), at_least=wait),
                vault_uuid=told.uuid,
                reference_id=told.reference_id or row.reference_id,
                vault_retries=retries,
                tries=tries,
                vault_status="failed",
                updated_at=now,
                **_unheard(row, answer, now=now),
            )
            if not unheard:
                events.record(conn, row.id, "retried at the vault", at=now, detail=reason)
        crashpoint("vault_retry.concluding")
    crashpoint("vault_retry.concluded")


def _unheard(row: sa.Row[Any], answer: Answer, *, now: datetime) -> Mapping[str, Any]:
    if not isinstance(answer, NotDone | Unauthorised):
        return MENDED
    remedy = answer.remedy if isinstance(answer, Unauthorised) else endings.BY_ITSELF
    why = cause_of("follow", answer)
    return troubled(row, cause=why, problem=answer.message, remedy=remedy, now=now)
