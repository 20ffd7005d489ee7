"""A person's replay: one row set going again after its cause is mended. What is done stays done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.store import completions, events, issuances, write_backs
from bridge.store.ids import kind_of
from bridge.store.states import (
    AttemptOutcome,
    CompletionState,
    DeliveryState,
    IssuanceState,
    WriteBackState,
)
from bridge.store.tables import completion, delivery, issuance
from bridge.store.troubles import MENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did with one id."""

    id: str
    going: bool  #: whether it is on its way again
    said: str


def replay(bridge: Bridge, row_id: str, *, who: str, reason: str | None = None) -> Replayed:
    """Set one delivery, completion, issuance or write-back going again; raises nothing.

    Safe to repeat. What is issued already is not touched, and the answer says so.
    """
    handler = _HANDLERS.get(kind_of(row_id) or "")
    if handler is None:
        return _no(row_id, "This is not the id of a delivery, completion, issuance or write-back.")
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        result = handler(conn, row_id, now)
        if result.going:
            events.record(conn, row_id, "replayed", at=now, who=who, detail=reason)
    for step in ("normalise", "issue", "follow", "write_back"):
        bridge.ring(step)
    return result


def _no(row_id: str, said: str) -> Replayed:
    return Replayed(id=row_id, going=False, said=said)


def _yes(row_id: str, said: str) -> Replayed:
    return Replayed(id=row_id, going=True, said=said)


def _delivery(conn: sa.Connection, row_id: str, now: datetime) -> Replayed:
    state = conn.execute(sa.select(delivery.c.state).where(delivery.c.id == row_id)).scalar()
    if state is None:
        return _no(row_id, "There is no such delivery. Nothing is kept of events nobody wants.")
    if state == DeliveryState.NORMALISED:
        return _no(row_id, "It was read already. Replay one of its completions instead.")
    conn.execute(
        sa.update(delivery)
        .where(delivery.c.id == row_id)
        .values(state=DeliveryState.WAITING, next_run_at=now, lease_until=None, tries=0)
    )
    return _yes(row_id, "It is read again.")


def _completion(conn: sa.Connection, row_id: str, now: datetime) -> Replayed:
    row = completions.by_id(conn, row_id)
    if row is None:
        return _no(row_id, "There is no such completion.")
    if row.state == CompletionState.SAME:
        return _no(row_id, f"It tells what {row.same_as} tells. Replay that one.")
    if row.state == CompletionState.MAPPED:
        return _no(row_id, "It has its issuance. Replay that one if it is held or failed.")
    _take_up(conn, row_id, now)
    return _yes(row_id, "It is looked up in the LMS and mapped again.")


def _take_up(conn: sa.Connection, completion_id: str, now: datetime) -> None:
    # A person wants this one, also where it is older than what the site issues by itself.
    again = {"next_run_at": now, "lease_until": None, "tries": 0, "asked": True}
    conn.execute(
        sa.update(completion)
        .where(completion.c.id == completion_id)
        .values(state=CompletionState.FOUND, **again)
    )


def _issuance(conn: sa.Connection, row_id: str, now: datetime) -> Replayed:
    row = issuances.by_id(conn, row_id)
    if row is None:
        return _no(row_id, "There is no such issuance.")
    if row.state == IssuanceState.GENERATED:
        return _no(row_id, f"It is issued as {row.reference_id}; nothing is changed.")
    if row.state == IssuanceState.CANCELLED:
        return _no(row_id, f"It is cancelled for good. {row.problem}")
    if row.state not in (IssuanceState.HELD, IssuanceState.FAILED):
        return _no(row_id, f"It is {row.state} and goes on by itself.")
    if row.vault_uuid is not None:
        issuances.change(conn, row_id, now=now, **_following(now))
        return _yes(row_id, "The vault has it: it is retried there.")
    past = issuances.attempts(conn, row_id)
    if any(a.outcome in (None, AttemptOutcome.AMBIGUOUS) for a in past):
        # It may exist at the vault under the entry it was sent with: that entry stays.
        issuances.change(
            conn, row_id, now=now, state=IssuanceState.SENDING, next_run_at=now, looks=0, tries=0
        )
        return _yes(row_id, "An earlier attempt may have succeeded: the vault is asked first.")
    _take_up(conn, row.completion_id, now)
    return _yes(row_id, "It is looked up in the LMS and mapped again, with the present mapping.")


def _following(now: datetime) -> dict[str, Any]:
    return {
        "state": IssuanceState.PROCESSING,
        "next_run_at": now,
        "lease_until": None,
        "vault_retries": 0,
        "tries": 0,
    }


def _write_back(conn: sa.Connection, row_id: str, now: datetime) -> Replayed:
    row = write_backs.by_id(conn, row_id)
    if row is None:
        return _no(row_id, "There is no such write-back.")
    if row.state == WriteBackState.READ_BACK and row.next_run_at is None:
        return _no(row_id, "The gradebook says it already; nothing is written twice.")
    write_backs.again(conn, row_id, now=now)
    return _yes(row_id, "It is written again.")


_HANDLERS: dict[str, Callable[[sa.Connection, str, datetime], Replayed]] = {
    "delivery": _delivery,
    "completion": _completion,
    "issuance": _issuance,
    "write-back": _write_back,
}


def take_up_unmatched(bridge: Bridge, *, who: str) -> int:
    """Map every unmatched completion anew, after a mapping was added; return how many."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        count = conn.execute(
            sa.update(completion)
            .where(completion.c.state == CompletionState.UNMATCHED)
            .values(state=CompletionState.FOUND, next_run_at=now, lease_until=None, tries=0)
        ).rowcount
        if count:
            events.record(
                conn, "completion", "unmatched taken up", at=now, who=who, detail=str(count)
            )
    bridge.ring("normalise")
    return count


def resume_issuer(bridge: Bridge, issuer_id: str, *, who: str) -> None:
    """The vault takes our token again: what waited for that goes on now."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        table = issuance.metadata.tables["issuer"]
        conn.execute(
            sa.update(table).where(table.c.id == issuer_id).values(paused_at=None, **MENDED)
        )
        conn.execute(
            sa.update(issuance)
            .where(
                issuance.c.issuer_id == issuer_id,
                issuance.c.state.in_(
                    [IssuanceState.READY, IssuanceState.SENDING, IssuanceState.PROCESSING]
                ),
                issuance.c.lease_until.is_(None),
            )
            .values(next_run_at=now, tries=0)
        )
        events.record(conn, issuer_id, "resumed", at=now, who=who)
    bridge.ring("issue")
    bridge.ring("follow")
