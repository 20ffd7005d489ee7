"""What came and did not go on: deliveries, completions and issuances, by our own rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.reconcile.causes import (
    COMPLETION_HELD,
    COMPLETION_STUCK,
    COMPLETION_UNMATCHED,
    DELIVERY_DEAD,
    DELIVERY_QUARANTINED,
    DELIVERY_STUCK,
    ISSUANCE_FAILED,
    ISSUANCE_HELD,
    ISSUANCE_STUCK,
)
from bridge.pipeline.reconcile.work import Looked, Work
from bridge.store import overdue
from bridge.store.differences import Seen, key
from bridge.store.ids import before
from bridge.store.states import CompletionState, DeliveryState, IssuanceState

BATCH = 500
TAKE_UP = "vaultbridge mappings take-up"
#: What no row says of itself while it simply waits for its turn.
WAITS = "It waits for its turn since it came."
WORKERS = "See that the workers and the clock run."

PREFIXES = {"delivery": "dl", "completion": "cp", "issuance": "is"}

#: A row's state to the cause; whatever is not set aside is on its way for too long.
_DELIVERIES: Mapping[str, str] = {
    DeliveryState.DEAD: DELIVERY_DEAD,
    DeliveryState.QUARANTINED: DELIVERY_QUARANTINED,
}
_COMPLETIONS: Mapping[str, str] = {
    CompletionState.HELD: COMPLETION_HELD,
    CompletionState.UNMATCHED: COMPLETION_UNMATCHED,
}
_ISSUANCES: Mapping[str, str] = {
    IssuanceState.HELD: ISSUANCE_HELD,
    IssuanceState.FAILED: ISSUANCE_FAILED,
}

Read = Callable[..., Sequence[sa.Row[Any]]]
Make = Callable[[sa.Row[Any]], Seen]


def deliveries(work: Work) -> Looked:
    """Deliveries that could not be read, speak for another site, or wait."""
    return _compare(work, overdue.deliveries, _delivery, "delivery")


def completions(work: Work) -> Looked:
    """Completions that are held, that no mapping wants, or that wait for their LMS."""
    return _compare(work, overdue.completions, _completion, "completion")


def issuances(work: Work) -> Looked:
    """Issuances that are held or failed, or wait for their vault."""
    return _compare(work, overdue.issuances, _issuance, "issuance")


def _compare(work: Work, read: Read, make: Make, name: str) -> Looked:
    after = before(PREFIXES[name], work.run.since)
    while True:
        with work.bridge.database.read() as conn:
            now = work.bridge.database.now(conn)
            rows = read(
                conn,
                work.site.id,
                since=work.run.since,
                stuck=now - work.bridge.settings.reconcile_stuck,
                after=after,
                limit=BATCH,
            )
            total = overdue.count(conn, work.site.id, since=work.run.since)[name]
        work.see([make(row) for row in rows])
        if len(rows) < BATCH:
            return Looked(count=total)
        after = rows[-1].id


def _delivery(row: sa.Row[Any]) -> Seen:
    cause = _DELIVERIES.get(row.state, DELIVERY_STUCK)
    return _seen(row, cause, at=row.received_at, command=f"vaultbridge replay {row.id}")


def _completion(row: sa.Row[Any]) -> Seen:
    cause = _COMPLETIONS.get(row.state, COMPLETION_STUCK)
    command = TAKE_UP if cause == COMPLETION_UNMATCHED else f"vaultbridge replay {row.id}"
    whose = {"course_id": row.course_id, "learner_id": row.learner_id}
    return _seen(row, cause, at=row.created_at, command=command, **whose)


def _issuance(row: sa.Row[Any]) -> Seen:
    cause = _ISSUANCES.get(row.state, ISSUANCE_STUCK)
    seen = _seen(
        row,
        cause,
        at=row.created_at,
        command=f"vaultbridge replay {row.id}",
        course_id=row.course_id,
        learner_id=row.learner_id,
        reference_id=row.reference_id,
    )
    if cause != ISSUANCE_STUCK or row.issuer_problem is None:
        return seen
    problem = f"Its issuer {row.issuer} is stopped: {row.issuer_problem}"
    return _with(seen, problem, row.issuer_remedy, f"vaultbridge issuer check {row.issuer}")


def _with(seen: Seen, problem: str, remedy: str, command: str) -> Seen:
    values = {name: getattr(seen, name) for name in Seen.__dataclass_fields__}
    return Seen(**{**values, "problem": problem, "remedy": remedy, "command": command})


def _seen(
    row: sa.Row[Any],
    cause: str,
    *,
    at: datetime,
    command: str,
    course_id: str | None = None,
    learner_id: str | None = None,
    reference_id: str | None = None,
) -> Seen:
    stuck = cause in (DELIVERY_STUCK, COMPLETION_STUCK, ISSUANCE_STUCK)
    return Seen(
        key=key("row", row.id),
        cause=cause,
        at=at,
        problem=row.problem or WAITS,
        remedy=row.remedy or WORKERS,
        # What goes on by itself is not replayed: its history says what it waits for.
        command=f"vaultbridge show {row.id}" if stuck else command,
        course_id=course_id,
        learner_id=learner_id,
        subject=row.id,
        reference_id=reference_id,
    )
