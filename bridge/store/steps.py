"""How many rows are on their way or set aside at each step, and since when the oldest is."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bridge.store.states import CompletionState, DeliveryState, IssuanceState, WriteBackState
from bridge.store.tables import completion, delivery, issuance, write_back


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The rows of a step that are in one state."""

    step: str
    state: str
    count: int
    since: datetime  #: when the oldest came


#: Of each step, in order: its rows, when they came, the states in which nothing more happens.
_STEPS: Mapping[str, tuple[sa.Column[datetime], Collection[str]]] = {
    "deliveries": (delivery.c.received_at, (DeliveryState.NORMALISED,)),
    "completions": (
        completion.c.created_at,
        (
            CompletionState.MAPPED,
            CompletionState.SAME,
            CompletionState.UNMATCHED,
            CompletionState.EARLY,
            CompletionState.AGAIN,
            CompletionState.DISCARDED,
            CompletionState.ERASED,
        ),
    ),
    "issuances": (
        issuance.c.created_at,
        (IssuanceState.GENERATED, IssuanceState.CANCELLED, IssuanceState.ERASED),
    ),
    "write-backs": (
        write_back.c.created_at,
        (WriteBackState.READ_BACK, WriteBackState.OVERRIDDEN),
    ),
}


def unfinished(conn: sa.Connection) -> Sequence[Standing]:
    """What is not at its end, by step and state."""
    return [
        Standing(step=step, state=row.state, count=row.number, since=row.since)
        for step, (came, ended) in _STEPS.items()
        for row in conn.execute(_counted(came, ended))
    ]


def _counted(
    came: sa.Column[datetime], ended: Collection[str]
) -> sa.Select[tuple[str, int, datetime]]:
    table = came.table
    # Whatever is not at its end is due some time, or in trouble: both are found by an index.
    going = sa.or_(table.c.next_run_at.is_not(None), table.c.cause.is_not(None))
    return (
        sa.select(table.c.state, sa.func.count().label("number"), sa.func.min(came).label("since"))
        .where(going, table.c.state.not_in(ended))
        .group_by(table.c.state)
        .order_by(table.c.state)
    )
