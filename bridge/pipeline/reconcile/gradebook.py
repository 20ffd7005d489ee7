"""Whether gradebooks say what they must: by what our rows say, and by reading some of them again.

A row is read again a day after it was last seen to be right, a few hundred a run at most: reading
takes a call a learner in some LMSs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.reconcile.causes import (
    GRADEBOOK_DIFFERS,
    GRADEBOOK_EMPTY,
    GRADEBOOK_OVERRIDDEN,
    GRADEBOOK_REFUSED,
    GRADEBOOK_STUCK,
    GRADEBOOK_UNTOLD,
    GRADEBOOK_WAITING,
)
from bridge.pipeline.reconcile.work import Looked, Work, batches
from bridge.store import differences, gradebook_rows
from bridge.store.differences import Seen, key
from bridge.store.events import PIPELINE
from bridge.store.ids import before
from bridge.store.states import DifferenceState, WriteBackState
from connectors.base import Capability, Connector, GradebookRow

BATCH = 500
READ_AT_ONCE = 50
MOST_READ = 200
READ_AGAIN = timedelta(days=1)

_STATES: Mapping[str, str] = {
    WriteBackState.WAITING: GRADEBOOK_WAITING,
    WriteBackState.REFUSED: GRADEBOOK_REFUSED,
}


def compare(work: Work) -> Looked:
    """Compare the rows that tell certificates of the span. Raises Temporary or Permanent."""
    _untold(work)
    after, count, left = "", 0, MOST_READ
    while True:
        with work.bridge.database.read() as conn:
            now = work.bridge.database.now(conn)
            rows = gradebook_rows.concerned(
                conn, work.site.id, since=work.run.since, after=after, limit=BATCH
            )
            noted = differences.by_keys(conn, [_key(row) for row in rows])
        count += len(rows)
        late = now - work.bridge.settings.reconcile_stuck
        told = (_by_state(work, row, late=late) for row in rows)
        work.see([one for one in told if one is not None])
        left -= _read(work, [row for row in rows if _stands(row)], noted, now=now, most=left)
        if len(rows) < BATCH:
            return Looked(count=count)
        after = rows[-1].id


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
    cause = _STATES.get(row.state)
    if cause is None:
        waits = row.next_run_at is not None and (row.written_at or row.created_at) < late
        cause = GRADEBOOK_STUCK if waits and row.state != WriteBackState.READ_BACK else None
    if cause is None:
        return None
    commands = {
        GRADEBOOK_WAITING: f"vaultbridge site courses {work.site.name} --create",
        GRADEBOOK_REFUSED: f"vaultbridge replay {row.id}",
        GRADEBOOK_STUCK: f"vaultbridge show {row.id}",
    }
    problem = row.problem or "It waits for its turn since it came."
    remedy = row.remedy or "See that the worker write_back and the clock run."
    return _seen(row, cause, problem, remedy, commands[cause])


def _stands(row: sa.Row[Any]) -> bool:
    """Whether it was written, and nothing of it is due now."""
    return row.state == WriteBackState.READ_BACK and row.next_run_at is None and bool(row.text)


def _read(
    work: Work,
    rows: Sequence[sa.Row[Any]],
    noted: Mapping[str, sa.Row[Any]],
    *,
    now: datetime,
    most: int,
) -> int:
    """Read those again that are due for it; return how many."""
    lately = now - READ_AGAIN
    open_ = {name: row for name, row in noted.items() if row.state == DifferenceState.OPEN}
    patient = {name for name, row in open_.items() if _asked_since(work, row, lately)}
    due = [
        row
        for row in sorted(rows, key=lambda row: _key(row) not in open_)
        if (_key(row) in open_ or row.read_back_at is None or row.read_back_at <= lately)
        and _key(row) not in patient
    ]
    # Those that are not read this time are what they were.
    unread = patient | {_key(row) for row in due[most:]}
    standing = {_key(row) for row in rows}
    work.see([differences.again(open_[n]) for n in sorted(unread & standing & open_.keys())])
    if not due[:most]:
        return 0
    connector = work.connector()
    if Capability.WRITE_BACK not in connector.capabilities():
        return 0
    for batch in batches(due[:most], READ_AT_ONCE):
        _compare(work, connector, batch)
    return min(most, len(due))


def _asked_since(work: Work, known: sa.Row[Any], moment: datetime) -> bool:
    """Whether what was read lately still counts: not for a person, who has changed something."""
    lately = known.asked_at is not None and known.asked_at > moment
    return lately and work.run.who == PIPELINE


def _compare(work: Work, connector: Connector[Any], rows: Sequence[sa.Row[Any]]) -> None:
    now = work.renew()
    asked = [
        GradebookRow(course_id=row.course_id, learner_id=row.learner_id, certificates=())
        for row in rows
    ]
    texts = connector.read_back(asked)
    right = [row.id for row, text in zip(rows, texts, strict=True) if text == row.text]
    wrong = [
        _drifted(work, row, text, now=now)
        for row, text in zip(rows, texts, strict=True)
        if text != row.text
    ]
    with work.write() as (conn, moment):
        gradebook_rows.seen_again(conn, right, now=moment)
        work.see_in(conn, wrong, now=moment)


def _drifted(work: Work, row: sa.Row[Any], text: str | None, *, now: datetime) -> Seen:
    again = work.fix_command()
    if not text:
        problem = "The gradebook says nothing where it was told a certificate."
        remedy = "See that the grade item is not hidden. Mending writes it anew."
        return _seen(row, GRADEBOOK_EMPTY, problem, remedy, again, asked_at=now)
    # Our texts lead to our pages; nobody else's do.
    if work.bridge.settings.public_url in text:
        problem = "The gradebook says another text of ours than was written last."
        return _seen(
            row, GRADEBOOK_DIFFERS, problem, "Mending writes it anew.", again, asked_at=now
        )
    problem = "Somebody else's text stands in the gradebook, in the place of the certificate."
    remedy = "It is left alone. To have ours back, clear it in the LMS; then reconcile and mend."
    return _seen(row, GRADEBOOK_OVERRIDDEN, problem, remedy, again, asked_at=now)


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
