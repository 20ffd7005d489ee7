"""A certificate that a person gives up before it is sent: cancelled, and its completion discarded.

Whoever works on it now is left alone: what may be on its way to a vault is not cancelled.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import holding, replacing
from bridge.pipeline.bridge import Bridge
from bridge.store import events, holds, issuances
from bridge.store.accounts import NotThere
from bridge.store.states import HoldOutcome, IssuanceState
from bridge.store.troubles import troubled

#: Where a certificate has not been sent, or was surely not taken.
UNSENT = (
    IssuanceState.FETCHING,
    IssuanceState.READY,
    IssuanceState.HELD,
    IssuanceState.FAILED,
)


class Refused(Exception):
    """It cannot be cancelled as things stand; the text says why, and the next move."""


def why_not(conn: sa.Connection, row: sa.Row[Any], *, now: datetime) -> str | None:
    """Why an issuance cannot be cancelled now, and the next move; None if it can."""
    if row.replaces is not None:
        return "It comes in another certificate's place: correct it, and it is replaced."
    if row.state == IssuanceState.GENERATED:
        return "It is issued: correct it, or revoke it at the vault."
    if row.state not in UNSENT or row.vault_uuid is not None:
        return f"It is {row.state}: the vault may have it. Wait until it has come to its end."
    if not all(each.outcome in replacing.HARMLESS for each in issuances.attempts(conn, row.id)):
        return "A call to the vault may have made it. Replay it: that finds out."
    if row.lease_until is not None and row.lease_until > now:
        return "Somebody works on it at this moment. Try again in a minute."
    return None


def cancel(bridge: Bridge, row_id: str, *, who: str, reason: str) -> bool:
    """Cancel an issuance; False if it was cancelled before. Raises NotThere, Refused."""
    with bridge.database.write() as conn:
        if issuances.by_id(conn, row_id) is None:
            raise NotThere(f"There is no issuance {row_id}.")
        row, now = issuances.locked(conn, row_id), bridge.database.now(conn)
        if row.state == IssuanceState.CANCELLED:
            return False
        if (because := why_not(conn, row, now=now)) is not None:
            raise Refused(because)
        said = troubled(
            None,
            cause=holding.DISCARDED,
            problem=f"A person ({who}) has cancelled it. {reason}",
            remedy="Nothing, if that was meant; otherwise `vaultbridge replay` it.",
            now=now,
        )
        gone = {"state": IssuanceState.CANCELLED, "natural_key": None, "next_run_at": None}
        issuances.take(conn, row_id, now=now, **gone, **said)
        holds.discard_completions(conn, [row], said=said)
        if holds.is_waiting(row):
            holds.count(conn, row.hold_id, HoldOutcome.DISCARDED, 1)
        for subject in (row_id, row.completion_id):
            events.record(conn, subject, "cancelled", at=now, who=who, detail=reason)
    return True
