"""From an enriched completion to issuances: decided, frozen, and never two of one natural key."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import holding
from bridge.pipeline.brake import Limits
from bridge.pipeline.causes import cause
from bridge.pipeline.decide import (
    SUPERSEDED,
    Decision,
    Terms,
    decide,
    may_change,
    summed_up,
    too_early,
)
from bridge.pipeline.drafts import STEP
from bridge.pipeline.versioned import Versioned
from bridge.store import events, holds, issuances, write_backs
from bridge.store.states import UNSENT, IssuanceState
from bridge.store.troubles import MENDED, troubled
from connectors.base import Completion

SAME_CERTIFICATE = cause(STEP, "same_certificate")
#: A person asked for the versions that the issuances were mapped with.
ORIGINAL = "original"


def issue(
    conn: sa.Connection,
    site: sa.Row[Any],
    row: sa.Row[Any],
    found: Completion,
    active: Sequence[Versioned],
    *,
    limits: Limits,
    now: datetime,
) -> Decision:
    """Make the issuances of a completion within the caller's transaction; say what became of it."""
    if not row.asked and (early := too_early(site, row, found)) is not None:
        return early
    original = row.map_with == ORIGINAL
    terms = Terms(now=now, limits=limits, original=original, asked=row.asked)
    decisions = decide(conn, site, row, found, active, terms)
    if any(decision.draft or decision.same for decision in decisions):
        # First, so that the key it may hold is free.
        _supersede(conn, row, {d.mapping.name for d in decisions if d.mapping}, now=now)
    for decision in decisions:
        carry_out(conn, row, decision, now=now)
    return summed_up(decisions)


def carry_out(conn: sa.Connection, row: sa.Row[Any], decision: Decision, *, now: datetime) -> None:
    """Do what was decided of one certificate of a completion."""
    if decision.same is not None:
        _same(conn, row, decision, decision.same, now=now)
    elif decision.draft is not None:
        draft = dict(decision.draft)
        if decision.hold is not None:
            draft |= _held(holds.join(conn, decision.hold, now=now))
        row_id = _store(conn, decision.standing, draft, now=now)
        write_backs.tell(conn, row_id, row.course_id, wanted=decision.writes_back)


def _held(hold: sa.Row[Any]) -> dict[str, Any]:
    """It waits for a person; it is due all the same, to be printed."""
    waits = {"state": IssuanceState.HELD, "hold_id": hold.id, "released_at": None}
    return waits | holding.said(hold)


def _supersede(conn: sa.Connection, row: sa.Row[Any], kept: set[str], *, now: datetime) -> None:
    """Cancel what waits unsent under a mapping that no longer has the completion."""
    for other in issuances.of_completions(conn, [row.id]):
        if other.mapping_name not in kept and other.state in UNSENT and may_change(conn, other):
            problem = f"The mapping {', '.join(sorted(kept))} issues for this completion now."
            _cancel(conn, other, SUPERSEDED, problem, now=now)


def _cancel(
    conn: sa.Connection, row: sa.Row[Any], why: str, problem: str, *, now: datetime
) -> None:
    said = troubled(row, cause=why, problem=problem, remedy=None, now=now)
    issuances.take(conn, row.id, now=now, state=IssuanceState.CANCELLED, natural_key=None, **said)
    events.record(conn, row.id, IssuanceState.CANCELLED.value, at=now, detail=problem)


def _same(
    conn: sa.Connection,
    row: sa.Row[Any],
    decision: Decision,
    owner: sa.Row[Any],
    *,
    now: datetime,
) -> None:
    """The learner has this very certificate: it is told in this course's gradebook, too.

    One that waited for a person is not needed.
    """
    if decision.standing is not None:
        problem = f"The learner has the same certificate already: {owner.id}."
        _cancel(conn, decision.standing, SAME_CERTIFICATE, problem, now=now)
    events.record(conn, owner.id, "told again", at=now, detail=f"as {row.id}")
    if decision.writes_back:
        write_backs.tell(conn, owner.id, row.course_id, wanted=True)
        write_backs.make_due(conn, [owner.id], now=now)


def _store(
    conn: sa.Connection, standing: sa.Row[Any] | None, draft: dict[str, Any], *, now: datetime
) -> str:
    draft.setdefault("next_run_at", now)
    said: Map[str, Any] = MENDED
    if "problem" in draft:
        told = {name: draft.pop(name) for name in ("cause", "problem", "remedy")}
        said = troubled(standing, now=now, **told)
    if standing is None:
        row_id = issuances.add(conn, now=now, **draft, **said)
    else:
        row_id = str(standing.id)
        issuances.take(conn, row_id, now=now, tries=0, looks=0, **draft, **said)
    events.record(conn, row_id, draft["state"].value, at=now, detail=said["problem"])
    return row_id
