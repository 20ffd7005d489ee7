"""What the LMS lists as completed against what we know: who was never told, and who is not there.

The list is cheap and rough; the exact moment is asked for those alone that we do not know. What
was answered about one by itself is remembered, so that a run every few minutes asks nobody twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.reconcile import asking, turned_away, unlisted
from bridge.pipeline.reconcile.causes import EARLY, NEVER_TOLD, NOT_CERTIFIABLE, TURNED_AWAY
from bridge.pipeline.reconcile.rounds import is_known
from bridge.pipeline.reconcile.work import Looked, NotCompared, Work, batches
from bridge.store import accounts, completions, differences
from bridge.store.differences import Seen, key
from bridge.store.events import PIPELINE
from bridge.store.states import DifferenceState
from connectors.base import ROUGHLY, Capability, Completion, Connector, Problem

BATCH = 500
#: What the LMS said of one by itself counts for so long.
ASK_AGAIN = timedelta(days=1)
CAUSES = frozenset({NEVER_TOLD, TURNED_AWAY, NOT_CERTIFIABLE})


@dataclass(slots=True, kw_only=True)
class Listing:
    """Who stands in the list: a number for each, however long it is."""

    who: set[int] = field(default_factory=set)
    count: int = 0
    earliest: datetime | None = None

    def add(self, found: Completion) -> None:
        """Note one that is listed."""
        self.count += 1
        self.who.add(hash((found.course.id, found.learner.id)))
        moment = found.completed_at or found.noticed_at
        self.earliest = moment if self.earliest is None else min(moment, self.earliest)

    def has(self, course_id: str, learner_id: str) -> bool:
        """Whether this learner stands in the list for this course."""
        return hash((course_id, learner_id)) in self.who


def compare(work: Work) -> Looked:
    """Find what was completed and never told, and what was certified and is not completed."""
    connector = work.connector()
    _require_list(work.site, connector)
    listing = Listing()
    for batch in batches(connector.completions(since=work.run.since), BATCH):
        for found in batch:
            listing.add(found)
        _batch(work, connector, batch)
    turned_away.name(work)
    if listing.earliest is None:
        return Looked(count=0, since=work.renew())  # an empty list says nothing of the past
    # The list may reach less far back than we look; beyond it, silence says nothing.
    reach = max(listing.earliest + ROUGHLY, work.run.since)
    unlisted.compare(work, connector, listing.has, since=reach)
    return Looked(count=listing.count, since=reach)


def _require_list(site: sa.Row[Any], connector: Connector[Any]) -> None:
    if Capability.LIST_COMPLETIONS in connector.capabilities():
        return
    remedy = (
        "Nothing can be done here; compare the LMS's own list with `vaultbridge completions` now "
        "and then."
        if type(connector).completions is Connector.completions
        else f"See the connector's README: a setting is missing (`vaultbridge site set "
        f"{site.name} --set …`)."
    )
    raise NotCompared(
        f"The connector {site.connector} cannot list completions, as the site {site.name} is set "
        "up: what the LMS never told us is not found.",
        remedy=remedy,
    )


def _batch(work: Work, connector: Connector[Any], batch: Sequence[Completion]) -> None:
    keys = {_key(work, found): found for found in batch}
    with work.bridge.database.read() as conn:
        rounds = completions.rounds(conn, work.site.id, [_whose(f) for f in keys.values()])
        noted = differences.by_keys(conn, keys)
        now = work.bridge.database.now(conn)
    unknown, told = {}, []
    for name, found in keys.items():
        if is_known(found, rounds.get(_whose(found), ())):
            told += [noted[name].id] if name in noted else []
        else:
            unknown[name] = found
    if told:
        with work.write() as (conn, moment):
            gone = DifferenceState.GONE
            differences.settle(conn, told, gone, who=work.run.who, now=moment)
    again, fresh = _sorted(work, unknown, noted, now=now)
    work.see(again)
    for answers, asked_at in asking.ask(work, connector, fresh):
        judged = (
            _judged(work, name, fresh[name], answer, rounds, now=asked_at)
            for name, answer in answers.items()
        )
        work.see([seen for seen in judged if seen is not None])


def _sorted(
    work: Work,
    unknown: Mapping[str, Completion],
    noted: Mapping[str, sa.Row[Any]],
    *,
    now: datetime,
) -> tuple[list[Seen], dict[str, Completion]]:
    """What is remembered of the unknown ones, and those about whom the LMS must be asked."""
    start = accounts.issue_from(work.site)
    again: list[Seen] = []
    fresh: dict[str, Completion] = {}
    for name, found in unknown.items():
        row = noted.get(name)
        if (found.completed_at or found.noticed_at) < start - ROUGHLY:
            continue  # surely too early for this site
        if row is not None and row.state == DifferenceState.DISMISSED:
            continue
        if row is None or not _still_holds(work, row, now=now):
            fresh[name] = found
        elif row.cause in CAUSES or row.at >= start:
            again.append(_again(work, row))
    return again, fresh


def _still_holds(work: Work, row: sa.Row[Any], *, now: datetime) -> bool:
    """An exact moment does not change; what the LMS could not say, it may say tomorrow."""
    if row.data and row.data.get("completed_at"):
        return True
    asked_by_clock = work.run.who == PIPELINE
    return asked_by_clock and row.asked_at is not None and now - row.asked_at < ASK_AGAIN


def _again(work: Work, row: sa.Row[Any]) -> Seen:
    if row.cause == NOT_CERTIFIABLE:
        return differences.again(row)
    return _missing(work, row.key, row.at, row.course_id, row.learner_id, row.data, row.asked_at)


def _judged(
    work: Work,
    name: str,
    found: Completion,
    outcome: Completion | Problem,
    rounds: Mapping[tuple[str, str], Sequence[str]],
    *,
    now: datetime,
) -> Seen | None:
    """What the LMS's answer about one means; None for no difference."""
    course_id, learner_id = _whose(found)
    if isinstance(outcome, Problem):
        if outcome.uncompleted:
            return None  # reset while we looked
        return _silent(work, name, found, outcome, now=now)
    moment = outcome.completed_at or outcome.noticed_at
    known = is_known(outcome, rounds.get(_whose(found), ()))
    if known or now - moment < work.bridge.settings.reconcile_grace:
        return None
    exact = None if outcome.completed_at is None else moment.isoformat()
    data = {"completed_at": exact, "noticed_at": found.noticed_at.isoformat()}
    if moment < accounts.issue_from(work.site):
        return Seen(
            key=name,
            cause=EARLY,
            at=moment,
            problem="It was completed before the site issues.",
            remedy="Nothing.",
            course_id=course_id,
            learner_id=learner_id,
            data=data,
            asked_at=now,
            state=DifferenceState.GONE,
        )
    return _missing(work, name, moment, course_id, learner_id, data, now)


def _missing(
    work: Work,
    name: str,
    moment: datetime,
    course_id: str,
    learner_id: str,
    data: Mapping[str, Any],
    asked_at: datetime | None,
) -> Seen:
    return Seen(
        key=name,
        cause=NEVER_TOLD,
        at=moment,
        problem=f"Learner {learner_id} completed course {course_id} at "
        f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC, and no delivery told us.",
        remedy="See in the LMS's own log whether its webhook reaches this bridge. Mending issues "
        "it with its true date.",
        command=work.fix_command(),
        course_id=course_id,
        learner_id=learner_id,
        data=data,
        asked_at=asked_at,
    )


def _silent(work: Work, name: str, found: Completion, problem: Problem, *, now: datetime) -> Seen:
    course_id, learner_id = _whose(found)
    moment = found.completed_at or found.noticed_at
    return Seen(
        key=name,
        cause=NOT_CERTIFIABLE,
        at=moment,
        problem=f"The LMS lists that learner {learner_id} completed course {course_id}, about "
        f"{moment.astimezone(UTC):%Y-%m-%d}, and says: {problem.problem}",
        remedy=problem.remedy,
        command=work.fix_command(),
        course_id=course_id,
        learner_id=learner_id,
        data={"completed_at": None, "noticed_at": found.noticed_at.isoformat()},
        asked_at=now,
    )


def _whose(found: Completion) -> tuple[str, str]:
    return found.course.id, found.learner.id


def _key(work: Work, found: Completion) -> str:
    moment = (found.completed_at or found.noticed_at).astimezone(UTC).isoformat()
    return key(work.site.id, "completed", *_whose(found), moment)
