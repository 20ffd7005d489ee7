"""What is held for missing data is looked up in its LMS every night, and goes on once it is there.

The clock makes a batch of each site due after the night's hour; the step asks the LMS as its gate
allows. Nothing is written where nothing has changed, and nothing of what is held for other reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog

from bridge.pipeline import brake, by_site, complete, mapped, trail
from bridge.pipeline.brake import Limits
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.decide import Decision, Terms, decide
from bridge.pipeline.guard import poisoned
from bridge.pipeline.versioned import Versioned, active_mappings
from bridge.store import completions, events, lacking
from bridge.store.states import CompletionState, IssuanceState
from bridge.store.tables import completion
from connectors.base import Completion, Connector, Problem
from runtime.lease import LeaseLost, lease_of, release

NAME = "look_again"
#: So many of a site are asked about at once, and made due in a minute.
BATCH = 50
#: How often the clock looks whether it is time.
EVERY = timedelta(minutes=1)

log = structlog.get_logger()


def begin(bridge: Bridge) -> None:
    """Make due what was not looked at since the night's hour, a batch of each site."""
    settings = bridge.settings
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        made = lacking.make_due(
            conn,
            not_since=_night(now, settings.look_again_hour, settings.timezone),
            held_after=now - settings.look_again_for,
            a_site=BATCH,
            now=now,
        )
    if made:
        bridge.ring("reconcile")


def _night(now: datetime, hour: int, timezone: str) -> datetime:
    """The last time that it was that hour."""
    here = now.astimezone(ZoneInfo(timezone))
    today = here.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today <= here else today - timedelta(days=1)


def run(bridge: Bridge) -> bool:
    """Ask LMSs about what is due, a batch a site; say whether there may be more."""
    return by_site.run(bridge, STEP)


def _work(
    bridge: Bridge, site: sa.Row[Any], connector: Connector[Any], rows: Sequence[sa.Row[Any]]
) -> None:
    told = complete.enriched(
        bridge, site, connector, [completions.unpack(row.data) for row in rows]
    )
    limits = brake.limits(bridge, site, told)
    with bridge.database.read() as conn:
        active = active_mappings(conn)
    for row, outcome in zip(rows, told, strict=True):
        with poisoned(NAME, row.id, partial(by_site.fault, bridge, STEP, row)):
            _settle(bridge, site, active, limits, row, outcome)
    bridge.ring("issue")


def _settle(
    bridge: Bridge,
    site: sa.Row[Any],
    active: Sequence[Versioned],
    limits: Limits,
    row: sa.Row[Any],
    outcome: Completion | Problem,
) -> None:
    with suppress(LeaseLost), bridge.database.write() as conn:
        now = bridge.database.now(conn)
        values: dict[str, Any] = {}
        if isinstance(outcome, Completion):
            terms = Terms(now=now, limits=limits)
            values = _mended(conn, site, active, row, outcome, terms)
        release(
            conn,
            completion,
            lease_of(row),
            next_run_at=None,
            looked_at=now,
            tries=0,
            **values,
        )


def _mended(
    conn: sa.Connection,
    site: sa.Row[Any],
    active: Sequence[Versioned],
    row: sa.Row[Any],
    found: Completion,
    terms: Terms,
) -> dict[str, Any]:
    """Let go on what can; return what is to be kept of the completion, if it is told anew."""
    round_ = completions.provisional_round(found)
    if completions.same_round(conn, row, round_) is not None:
        return {}
    lacked = {each.id for each in lacking.of_completion(conn, row.id)}
    mended = [
        each
        for each in decide(conn, site, row, found, active, terms)
        if each.standing is not None and each.standing.id in lacked and _goes_on(each)
    ]
    for decision in mended:
        told = "the LMS tells what lacked"
        events.record(conn, row.id, "looked up again", at=terms.now, detail=told)
        mapped.carry_out(conn, row, decision, now=terms.now)
        log.info("looked_again", **trail.of(row), outcome="mended")
    return {"round": round_, "data": completions.pack(found)} if mended else {}


def _goes_on(decision: Decision) -> bool:
    if decision.same is not None:
        return True
    return decision.draft is not None and decision.draft["state"] != IssuanceState.HELD


def _tomorrow(
    conn: sa.Connection,
    row: sa.Row[Any],
    *,
    cause: str,
    problem: str,
    remedy: str,
    now: datetime,
) -> None:
    """What cannot be asked about keeps its own words, and waits for the next night."""
    log.warning("looked_again", **trail.of(row), outcome="failed", reason=cause)
    release(conn, completion, lease_of(row), next_run_at=None, looked_at=now, tries=0)


_MAPPED = completion.c.state == CompletionState.MAPPED

STEP = by_site.Step(
    name=NAME,
    doing="Looking it up again",
    table=completion,
    turns=by_site.fresh_first(completion, _MAPPED),
    batch=BATCH,
    work=_work,
    stop=_tomorrow,
    tells=False,
)
