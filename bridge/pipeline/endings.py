"""How a step ends for an issuance: taken by the vault, tried again, paused, stopped.

Each writes under the step's lease within the caller's transaction, and raises LeaseLost.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.store import accounts, events, issuances
from bridge.store.states import AttemptOutcome, IssuanceState
from bridge.store.tables import issuance
from bridge.store.troubles import MENDED, troubled
from bridge.vault_client import (
    Accepted,
    Ambiguous,
    Answer,
    Duplicate,
    NotDone,
    Refused,
    Unauthorised,
    VaultCertificate,
)
from runtime.lease import lease_of, release

BY_ITSELF = "Nothing: it is tried again by itself."

log = structlog.get_logger()

_OUTCOMES: dict[type[Any], AttemptOutcome] = {
    Accepted: AttemptOutcome.DONE,
    NotDone: AttemptOutcome.NOT_SENT,
    Unauthorised: AttemptOutcome.NOT_SENT,
    Refused: AttemptOutcome.REFUSED,
    Duplicate: AttemptOutcome.DUPLICATE,
    Ambiguous: AttemptOutcome.AMBIGUOUS,
}


def note(conn: sa.Connection, number: int, answer: Answer, *, now: datetime) -> None:
    """Write down how an attempt ended."""
    issuances.end_attempt(
        conn,
        number,
        outcome=_OUTCOMES[type(answer)],
        status_code=answer.status_code,
        detail=None if isinstance(answer, Accepted) else answer.message,
        now=now,
    )


def taken(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    certificate: VaultCertificate,
    *,
    what: str,
    now: datetime,
) -> None:
    """The vault has our certificate: from now on it is followed."""
    release(
        conn,
        issuance,
        lease_of(row),
        next_run_at=now + bridge.settings.poll_first,
        state=IssuanceState.PROCESSING,
        vault_uuid=certificate.uuid,
        reference_id=certificate.reference_id,
        vault_status=certificate.status,
        tries=0,
        updated_at=now,
        **MENDED,
    )
    events.record(conn, row.id, what, at=now, detail=certificate.reference_id)


def again(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    problem: str,
    *,
    cause: str,
    now: datetime,
    at_least: timedelta | None = None,
    remedy: str = BY_ITSELF,
) -> None:
    """Try the same once more, later; what was looked up at the vault so far still counts."""
    tries = row.tries + 1
    release(
        conn,
        issuance,
        lease_of(row),
        next_run_at=now + bridge.backoff.wait(tries, at_least=at_least),
        tries=tries,
        looks=row.looks,
        updated_at=now,
        **troubled(row, cause=cause, problem=problem, remedy=remedy, now=now),
    )


def pause(
    conn: sa.Connection,
    issuer: sa.Row[Any],
    problem: str,
    remedy: str,
    *,
    now: datetime,
    cause: str = "issuer.vault_token",
) -> None:
    """The vault refuses our token: nothing is sent for this issuer until that is mended."""
    said = troubled(issuer, cause=cause, problem=problem, remedy=remedy, now=now)
    accounts.note_trouble(conn, issuer.id, kind="issuer", said=said, paused_at=now)
    events.record(conn, issuer.id, "paused", at=now, detail=problem)
    log.error("issuer_paused", issuer=issuer.name, reason=problem, remedy=remedy)


def stop(
    conn: sa.Connection,
    row: sa.Row[Any],
    state: IssuanceState,
    *,
    cause: str,
    problem: str,
    remedy: str,
    now: datetime,
    **values: Any,
) -> None:
    """It ends here, or waits for a person: ``problem`` and ``remedy`` say why and what to do."""
    release(
        conn,
        issuance,
        lease_of(row),
        next_run_at=None,
        state=state,
        updated_at=now,
        **troubled(row, cause=cause, problem=problem, remedy=remedy, now=now),
        **values,
    )
    events.record(conn, row.id, state.value, at=now, detail=problem)
    log.warning("issuance_stopped", issuance_id=row.id, outcome=state.value)
