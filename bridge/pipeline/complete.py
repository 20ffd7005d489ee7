"""Take up completions: enriched by the LMS, then mapped to frozen issuances, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from typing import Any, TypeAlias

import sqlalchemy as sa
import structlog

from bridge.pipeline import brake, by_site, erasing, mapped, trail
from bridge.pipeline.brake import Limits
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause_of
from bridge.pipeline.decide import Decision
from bridge.pipeline.guard import poisoned
from bridge.pipeline.parts import parts
from bridge.pipeline.versioned import Versioned, active_mappings
from bridge.pipeline.zones import zoned
from bridge.store import completions, events
from bridge.store.states import CompletionState
from bridge.store.tables import completion
from bridge.store.troubles import MENDED, troubled
from connectors.base import Capability, Completion, Connector, Problem
from runtime.crashpoint import crashpoint
from runtime.lease import LeaseLost, lease_of, release

NAME = "complete"
#: Moodle tells the status of one learner a call, and the grades of a whole course.
BATCH = 200
#: Completions to a commit.
TOGETHER = 5

_Pair: TypeAlias = "tuple[sa.Row[Any], Completion | Problem]"

log = structlog.get_logger()


class MixedUp(Exception):
    """A connector answered for somebody it was not asked about."""


def run(bridge: Bridge) -> bool:
    """Enrich and map what is due, a batch a site; say whether there may be more."""
    return by_site.run(bridge, STEP)


def _work(
    bridge: Bridge, site: sa.Row[Any], connector: Connector[Any], rows: Sequence[sa.Row[Any]]
) -> None:
    crashpoint("complete.claimed")
    found = [completions.unpack(row.data) for row in rows]
    told = enriched(bridge, site, connector, found)
    crashpoint("complete.enriched")
    _settle_all(bridge, site, rows, told)


def enriched(
    bridge: Bridge, site: sa.Row[Any], connector: Connector[Any], found: Sequence[Completion]
) -> Sequence[Completion | Problem]:
    """What the LMS says of each, in order, and the time zone that it is counted in.

    What was mapped before keeps its day: an LMS that tells another time now does not move it.

    Raises as Connector.enrich, and MixedUp.
    """
    enriches = Capability.ENRICH in connector.capabilities()
    outcomes = connector.enrich(found) if enriches else found
    for asked, told in zip(found, outcomes, strict=True):
        if isinstance(told, Completion) and _whose(told) != _whose(asked):
            raise MixedUp
    setting = bridge.settings.timezone
    return [
        zoned(_of_its_day(asked, told), site, setting=setting)
        if isinstance(told, Completion)
        else told
        for asked, told in zip(found, outcomes, strict=True)
    ]


def _of_its_day(asked: Completion, told: Completion) -> Completion:
    """What an LMS tells now, at the instant and in the zone that it was first mapped with."""
    instant = asked.completed_at if asked.zone is not None else None
    return replace(told, zone=asked.zone, completed_at=instant or told.completed_at)


def _whose(found: Completion) -> tuple[str, str]:
    return found.learner.id, found.course.id


def _settle_all(
    bridge: Bridge,
    site: sa.Row[Any],
    rows: Sequence[sa.Row[Any]],
    told: Sequence[Completion | Problem],
) -> None:
    limits = brake.limits(bridge, site, told)
    with bridge.database.read() as conn:
        active = active_mappings(conn)
    settle = partial(_settle, bridge, site, active, limits)
    # In an order that all workers share: none waits for one that waits for it.
    pairs = sorted(zip(rows, told, strict=True), key=lambda pair: str(pair[0].learner_id))
    for some in parts(pairs, TOGETHER):
        with poisoned(NAME, some[0][0].id, partial(_apart, bridge, settle, some)):
            settle(some)
    bridge.ring("issue")
    crashpoint("complete.rung")


def _apart(
    bridge: Bridge, settle: Callable[[Sequence[_Pair]], None], pairs: Sequence[_Pair], _name: str
) -> None:
    """One of them spoils the others' commit: each by itself."""
    for row, outcome in pairs:
        with poisoned(NAME, row.id, partial(by_site.fault, bridge, STEP, row), about=row):
            settle([(row, outcome)])


def _settle(
    bridge: Bridge,
    site: sa.Row[Any],
    active: Sequence[Versioned],
    limits: Limits,
    pairs: Sequence[_Pair],
) -> None:
    with bridge.database.write() as conn:
        for row, outcome in pairs:
            now = bridge.database.now(conn)  # each issuance with a moment of its own
            # Where its lease is lost, that alone is undone.
            with suppress(LeaseLost), conn.begin_nested():
                _settle_one(conn, site, active, row, outcome, limits=limits, now=now)
        crashpoint("complete.settling")
    crashpoint("complete.settled")


def _settle_one(
    conn: sa.Connection,
    site: sa.Row[Any],
    active: Sequence[Versioned],
    row: sa.Row[Any],
    outcome: Completion | Problem,
    *,
    limits: Limits,
    now: datetime,
) -> None:
    if isinstance(outcome, Problem):
        cause = cause_of(NAME, outcome)
        said = {"problem": outcome.problem, "remedy": outcome.remedy}
        _hold(conn, row, cause=cause, **said, now=now)
        return
    round_ = completions.provisional_round(outcome)
    if erasing.was_erased(conn, row, round_):
        erasing.forget_again(conn, row, now=now)
        return
    known = completions.same_round(conn, row, round_)
    if known is not None:
        _same(conn, row, known, now=now)
        return
    result = mapped.issue(conn, site, row, outcome, active, limits=limits, now=now)
    if result.state is CompletionState.ERASED:
        erasing.forget_again(conn, row, now=now)
        return
    release(
        conn,
        completion,
        lease_of(row),
        next_run_at=None,
        round=round_,
        data=completions.pack(_kept(outcome, result)),
        state=result.state,
        same_as=result.same.id if result.same is not None else None,
        map_with=None,
        tries=0,
        **_said(row, result, now=now),
    )
    events.record(conn, row.id, result.state.value, at=now, detail=result.problem)
    log.info("completion", **trail.of(row), outcome=result.state.value)


def _kept(found: Completion, result: Decision) -> Completion:
    # What nobody has mapped yet is counted in the zone of the day on which somebody does.
    is_mapped = result.state not in (CompletionState.UNMATCHED, CompletionState.EARLY)
    return found if is_mapped else replace(found, zone=None)


def _said(row: sa.Row[Any], result: Decision, *, now: datetime) -> Mapping[str, Any]:
    if result.trouble is None:
        return MENDED
    return troubled(row, now=now, **asdict(result.trouble))


def _hold(
    conn: sa.Connection,
    row: sa.Row[Any],
    *,
    cause: str,
    problem: str,
    remedy: str,
    now: datetime,
) -> None:
    """A person decides about this completion."""
    then = f"{remedy} Then `vaultbridge replay {row.id}`."
    said = troubled(row, cause=cause, problem=problem, remedy=then, now=now)
    held = CompletionState.HELD
    release(conn, completion, lease_of(row), next_run_at=None, state=held, **said)
    events.record(conn, row.id, "held", at=now, detail=problem)


def _same(conn: sa.Connection, row: sa.Row[Any], known: str, *, now: datetime) -> None:
    release(
        conn,
        completion,
        lease_of(row),
        next_run_at=None,
        state=CompletionState.SAME,
        same_as=known,
        **MENDED,
    )
    events.record(conn, row.id, "the same", at=now, detail=f"told before as {known}")
    events.record(conn, known, "told again", at=now, detail=f"as {row.id}")


_FOUND = completion.c.state == CompletionState.FOUND

STEP = by_site.Step(
    name=NAME,
    doing="Taking it up",
    table=completion,
    turns=by_site.fresh_first(completion, _FOUND),
    batch=BATCH,
    work=_work,
    stop=_hold,
)
