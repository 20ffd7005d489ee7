"""Certified, and not in the LMS's list: no longer in the course, or no longer completed?

Whoever leaves a course leaves its list, and keeps the certificate. So each is asked about by
itself, a few a run, and not again for a week.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.reconcile import asking
from bridge.pipeline.reconcile.causes import UNLISTED, WITHDRAWN
from bridge.pipeline.reconcile.work import Work
from bridge.store import completions, differences
from bridge.store.differences import Seen, key
from bridge.store.states import DifferenceState
from connectors.base import Capability, Completion, Connector, Course, Learner, Problem

BATCH = 500
MOST = 200
ASK_AGAIN = timedelta(days=7)


def compare(
    work: Work,
    connector: Connector[Any],
    is_listed: Callable[[str, str], bool],
    *,
    since: datetime,
) -> None:
    """Ask about those who are certified since then and not listed, at most so many a run."""
    if Capability.ENRICH not in connector.capabilities():
        return
    left, after = MOST, ""
    # The list was begun a while ago: a day that it does not reach is not looked at.
    first = since.astimezone(UTC).date() + timedelta(days=1)
    while True:
        with work.bridge.database.read() as conn:
            rows = completions.certified(conn, work.site.id, since=first, after=after, limit=BATCH)
        unlisted = [row for row in rows if not is_listed(row.course_id, row.learner_id)]
        left -= _ask(work, connector, unlisted, most=left)
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def _ask(work: Work, connector: Connector[Any], rows: list[sa.Row[Any]], *, most: int) -> int:
    keyed = {key(work.site.id, "withdrawn", row.id): row for row in rows}
    with work.bridge.database.read() as conn:
        noted = differences.by_keys(conn, keyed)
        now = work.bridge.database.now(conn)
    lately = {name for name, row in noted.items() if _asked_lately(row, now)}
    due = [name for name in keyed if name not in lately][:most]
    # Who could not be asked this time is what it was.
    kept = [
        differences.again(row)
        for name, row in noted.items()
        if row.state == DifferenceState.OPEN and name not in due
    ]
    work.see(kept)
    wanted = {name: _found(keyed[name]) for name in due}
    for answers, moment in asking.ask(work, connector, wanted):
        work.see([_judged(n, keyed[n], answer, now=moment) for n, answer in answers.items()])
    return len(due)


def _asked_lately(row: sa.Row[Any], now: datetime) -> bool:
    return row.asked_at is not None and now - row.asked_at < ASK_AGAIN


def _found(row: sa.Row[Any]) -> Completion:
    told = completions.unpack(row.data)
    return Completion(
        course=Course(id=row.course_id),
        learner=Learner(id=row.learner_id),
        noticed_at=told.noticed_at,
    )


def _judged(name: str, row: sa.Row[Any], outcome: Completion | Problem, *, now: datetime) -> Seen:
    withdrawn = isinstance(outcome, Problem) and outcome.uncompleted
    told = completions.unpack(row.data)
    return Seen(
        key=name,
        cause=WITHDRAWN if withdrawn else UNLISTED,
        state=DifferenceState.OPEN if withdrawn else DifferenceState.GONE,
        at=told.completed_at or told.noticed_at,
        problem=f"Learner {row.learner_id} is certified for course {row.course_id}, and the LMS "
        + ("says that it is not completed." if withdrawn else "no longer lists it."),
        remedy="Nothing, if it was reset for a next round. If the certificate shall not stand, "
        "have it revoked at its vault (ours: `certvault revoke`); the gradebook then says so. To "
        "leave it as it is: `vaultbridge dismiss` this.",
        command=f"vaultbridge show {row.id}",
        course_id=row.course_id,
        learner_id=row.learner_id,
        subject=row.id,
        asked_at=now,
    )
