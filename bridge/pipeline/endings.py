"""How a call begins and ends for an issuance: intended; taken, tried again, paused, stopped.

Each writes under the step's lease within the caller's transaction, and raises LeaseLost.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import trail
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause_of
from bridge.store import events, issuances, write_backs
from bridge.store.states import AttemptOutcome, IssuanceState
from bridge.store.tables import issuance
from bridge.store.troubles import MENDED, troubled
from bridge.vault_client import (
    Accepted,
    Ambiguous,
    Answer,
    BulkAnswer,
    BulkRefused,
    BulkTaken,
    CannotRevoke,
    Duplicate,
    NotDone,
    NotPermitted,
    Refused,
    RevokeAnswer,
    Unauthorised,
    VaultCertificate,
)
from runtime.lease import LeaseLost, lease_of, release, save
from runtime.retry import Backoff

#: The step whose calls end here, as causes name it.
ISSUE = "issue"
BY_ITSELF = "Nothing: it is tried again by itself."

#: The end of a call that was not made because its time had passed.
PAUSED = NotDone(message="This process was paused before the call, for longer than its lease.")

log = structlog.get_logger()

_OUTCOMES: dict[type[Any], AttemptOutcome] = {
    Accepted: AttemptOutcome.DONE,
    BulkTaken: AttemptOutcome.TAKEN_IN,
    NotDone: AttemptOutcome.NOT_SENT,
    Unauthorised: AttemptOutcome.NOT_SENT,
    NotPermitted: AttemptOutcome.NOT_SENT,
    CannotRevoke: AttemptOutcome.REFUSED,
    Refused: AttemptOutcome.REFUSED,
    BulkRefused: AttemptOutcome.NOT_SENT,  # of those it does not name
    Duplicate: AttemptOutcome.DUPLICATE,
    Ambiguous: AttemptOutcome.AMBIGUOUS,
}


@contextmanager
def unless_lost(conn: sa.Connection, row: sa.Row[Any]) -> Iterator[None]:
    """Write to one row of many: where its lease is lost, that alone is undone."""
    try:
        with conn.begin_nested():
            yield
    except LeaseLost:
        log.info("lease_lost", **trail.of(row))


def intend(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    operation: str,
    *,
    request_sha256: str,
    now: datetime,
) -> int:
    """Write a call down before it is made, and hold the row for longer than it can take."""
    save(
        conn,
        issuance,
        lease_of(row),
        state=IssuanceState.SENDING,
        lease_until=now + bridge.settings.lease,
        looks=0,
        updated_at=now,
    )
    return issuances.begin_attempt(
        conn,
        row.id,
        operation,
        fence=row.fence,
        natural_key=row.natural_key,
        request_sha256=request_sha256,
        now=now,
        deadline=now + bridge.settings.vault_deadline,
    )


def note(
    conn: sa.Connection,
    number: int,
    answer: Answer | BulkAnswer | RevokeAnswer,
    *,
    now: datetime,
    guilty: str | None = None,
) -> None:
    """Write down how an attempt ended; ``guilty``: what a refused bulk upload says of this one."""
    issuances.end_attempt(
        conn,
        number,
        outcome=_OUTCOMES[type(answer)] if guilty is None else AttemptOutcome.REFUSED,
        status_code=answer.status_code,
        detail=guilty or (None if isinstance(answer, Accepted | BulkTaken) else answer.message),
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
        next_run_at=poll_at(bridge, now, bridge.settings.poll_first),
        state=IssuanceState.PROCESSING,
        vault_uuid=certificate.uuid,
        reference_id=certificate.reference_id,
        vault_status=certificate.status,
        appear_by=None,
        tries=0,
        updated_at=now,
        **MENDED,
    )
    events.record(conn, row.id, what, at=now, detail=certificate.reference_id)


def taken_in(
    bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], batch_id: str | None, *, now: datetime
) -> None:
    """A bulk upload took the entry in: it has to be in the vault's list by a deadline."""
    release(
        conn,
        issuance,
        lease_of(row),
        next_run_at=poll_at(bridge, now, bridge.settings.poll_first),
        state=IssuanceState.PROCESSING,
        batch_id=batch_id,
        appear_by=now + bridge.settings.appear_within,
        vault_file_id=None,
        tries=0,
        updated_at=now,
        **MENDED,
    )
    events.record(conn, row.id, "taken in by the vault", at=now, detail=batch_id)


def poll_wait(bridge: Bridge) -> Backoff:
    """The waits between two questions about the same certificate."""
    return Backoff(first=bridge.settings.poll_first, longest=bridge.settings.poll_longest)


def poll_at(bridge: Bridge, now: datetime, wait: timedelta) -> datetime:
    """When to ask the vault, on a beat: what was sent at about one time is asked about at once.

    The longer the wait the rarer its beats, so that one look at the list tells of ever more.
    """
    first = bridge.settings.poll_first.total_seconds()
    beat = max(first, wait.total_seconds() // first * first)
    return datetime.fromtimestamp(round((now + wait).timestamp() / beat) * beat, UTC)


def left_alone(
    conn: sa.Connection, row: sa.Row[Any], told: NotDone | Ambiguous, *, now: datetime
) -> None:
    """Nothing was sent, and the vault is left alone: the row's turn comes when it is back."""
    cause = cause_of(ISSUE, told)
    release(
        conn,
        issuance,
        lease_of(row),
        next_run_at=now,
        looks=row.looks,
        updated_at=now,
        **troubled(row, cause=cause, problem=told.message, remedy=BY_ITSELF, now=now),
    )


def unsure(
    bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], problem: str, *, now: datetime
) -> None:
    """Nobody knows what became of the call: the vault is asked once it must have ended."""
    quiet = now + bridge.settings.quiet_period
    release(conn, issuance, lease_of(row), next_run_at=quiet, updated_at=now)
    events.record(conn, row.id, "answer lost", at=now, detail=problem)


def unauthorised(
    bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], told: Unauthorised, *, now: datetime
) -> None:
    """Nothing was sent, as the vault refuses our token: it is sent once that is mended."""
    cause = cause_of(ISSUE, told)
    again(bridge, conn, row, told.message, cause=cause, now=now, remedy=told.remedy)


def refused(conn: sa.Connection, row: sa.Row[Any], told: Refused, *, now: datetime) -> None:
    """The vault will never take this entry as it is."""
    stop(
        conn,
        row,
        IssuanceState.FAILED,
        cause=cause_of(ISSUE, told),
        problem=f"The vault refuses it: {told.message}",
        remedy="Mend the mapping or the data in the LMS, then `vaultbridge replay` it.",
        now=now,
    )


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
    if row.replaces is not None:
        # That may be revoked by now, with nothing in its place: the gradebook says so.
        write_backs.make_due(conn, [row.replaces], now=now)
    log.warning("issuance_stopped", **trail.of(row), outcome=state.value)
