"""Whether gradebooks say what they must.

By the states of our rows, which follow what is seen there about once a day; for a person who asks,
by looking into every cell now as well. Looking changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.cells import Verdict, seen
from bridge.pipeline.reconcile.causes import (
    GRADEBOOK_DIFFERS,
    GRADEBOOK_LOST,
    GRADEBOOK_OVERRIDDEN,
    GRADEBOOK_REFUSED,
    GRADEBOOK_STUCK,
    GRADEBOOK_UNTOLD,
    GRADEBOOK_WAITING,
)
from bridge.pipeline.reconcile.work import Looked, Work
from bridge.store import differences, gradebook_rows
from bridge.store.differences import Seen, key
from bridge.store.events import PIPELINE
from bridge.store.ids import before
from bridge.store.states import LOOKED_AT, DifferenceState, WriteBackState
from connectors.base import Capability

BATCH = 500
WAITS = "It waits for its turn since it came."
WORKERS = "See that the worker write_back and the clock run."

_STATES: Mapping[str, str] = {
    WriteBackState.WAITING: GRADEBOOK_WAITING,
    WriteBackState.REFUSED: GRADEBOOK_REFUSED,
    WriteBackState.OVERRIDDEN: GRADEBOOK_OVERRIDDEN,
    WriteBackState.LOST: GRADEBOOK_LOST,
}

Rows = Sequence[sa.Row[Any]]


def compare(work: Work) -> Looked:
    """Compare the rows that tell certificates of the span. Raises Temporary or Permanent."""
    _untold(work)
    count = 0
    for rows, now in _concerned(work):
        count += len(rows)
        late = now - work.bridge.settings.reconcile_stuck
        told = (_by_state(work, row, late=late) for row in rows)
        work.see([*_still_open(work, rows), *(one for one in told if one is not None)])
    # Last, so that an LMS that does not answer hides nothing of what our own rows say.
    if work.run.who != PIPELINE:
        _look(work)
    return Looked(count=count)


def _concerned(work: Work) -> Iterator[tuple[Rows, datetime]]:
    """The rows, course by course, and the moment at which they were read."""
    after = ("", "")
    while True:
        with work.bridge.database.read() as conn:
            now = work.bridge.database.now(conn)
            rows = gradebook_rows.concerned(
                conn, work.site.id, since=work.run.since, after=after, limit=BATCH
            )
        yield rows, now
        if len(rows) < BATCH:
            return
        after = (rows[-1].course_id, rows[-1].id)


def _untold(work: Work) -> None:
    after = before("is", work.run.since)
    while True:
        with work.bridge.database.read() as conn:
            now = work.bridge.database.now(conn)
            rows = gradebook_rows.untold(
                conn,
                work.site.id,
                since=work.run.since,
                until=now - work.bridge.settings.reconcile_grace,
                after=after,
                limit=BATCH,
            )
        work.see([_never(work, row) for row in rows])
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def _never(work: Work, row: sa.Row[Any]) -> Seen:
    return Seen(
        key=key("untold", row.id, row.told_in),
        cause=GRADEBOOK_UNTOLD,
        at=row.created_at,
        problem=f"{row.reference_id} is issued, and the gradebook of course {row.told_in} was "
        "never told.",
        remedy="Mending tells it.",
        command=work.fix_command(),
        course_id=row.told_in,
        learner_id=row.learner_id,
        subject=row.id,
        reference_id=row.reference_id,
    )


def _by_state(work: Work, row: sa.Row[Any], *, late: datetime) -> Seen | None:
    cause = _STATES.get(row.state) or (GRADEBOOK_STUCK if _is_stuck(row, late) else None)
    if cause is None:
        return None
    command = {
        GRADEBOOK_WAITING: f"vaultbridge site courses {work.site.name} --create",
        GRADEBOOK_STUCK: f"vaultbridge show {row.id}",
    }.get(cause, f"vaultbridge replay {row.id}")
    return _seen(row, cause, row.problem or WAITS, row.remedy or WORKERS, command)


def _is_stuck(row: sa.Row[Any], late: datetime) -> bool:
    """Whether it should have been written long ago; what is only looked at again is no hurry."""
    since = row.failing_since or row.next_run_at
    return row.state not in LOOKED_AT and since is not None and since < late


def _still_open(work: Work, rows: Rows) -> Sequence[Seen]:
    """What a person's run saw in the cells, until the step has looked at them, too."""
    with work.bridge.database.read() as conn:
        noted = differences.by_keys(conn, [_key(row) for row in rows])
    told = ((row, noted.get(_key(row))) for row in rows)
    return [
        differences.again(one)
        for row, one in told
        if one is not None and one.state == DifferenceState.OPEN and _is_news(row, one)
    ]


def _is_news(row: sa.Row[Any], one: sa.Row[Any]) -> bool:
    if one.asked_at is None or row.state != WriteBackState.READ_BACK:
        return False
    return row.read_back_at is None or row.read_back_at <= one.asked_at


def _look(work: Work) -> None:
    for rows, _ in _concerned(work):
        standing = [row for row in rows if row.state in LOOKED_AT]
        connector = work.connector()
        if not standing or Capability.WRITE_BACK not in connector.capabilities():
            continue
        found = seen(connector, standing)
        now = work.renew()
        work.see(
            [
                *(_overridden(row, now) for row in found[Verdict.PERSONS]),
                *(_missing(work, row, now) for row in found[Verdict.MISSING]),
            ]
        )


def _overridden(row: sa.Row[Any], now: datetime) -> Seen:
    problem = "A person has graded it, or changed what it says: it is left alone."
    remedy = "Nothing, if that was meant. To have the certificate told there again, clear the cell "
    remedy += "in the LMS."
    command = f"vaultbridge replay {row.id}"
    return _seen(row, GRADEBOOK_OVERRIDDEN, problem, remedy, command, asked_at=now)


def _missing(work: Work, row: sa.Row[Any], now: datetime) -> Seen:
    problem = "The gradebook does not say what was written there last: it says nothing, or an older"
    problem += " text of ours."
    remedy = "Mending tells it again."
    command = work.fix_command()
    return _seen(row, GRADEBOOK_DIFFERS, problem, remedy, command, asked_at=now)


def _key(row: sa.Row[Any]) -> str:
    return key("gradebook", row.id)


def _seen(
    row: sa.Row[Any],
    cause: str,
    problem: str,
    remedy: str,
    command: str,
    *,
    asked_at: datetime | None = None,
) -> Seen:
    return Seen(
        key=_key(row),
        cause=cause,
        at=row.created_at,
        problem=problem,
        remedy=remedy,
        command=command,
        course_id=row.course_id,
        learner_id=row.learner_id,
        subject=row.id,
        asked_at=asked_at,
    )
