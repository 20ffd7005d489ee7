"""Take up completions: enriched by the LMS, then mapped to frozen issuances, a batch at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import mapped, trouble
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug, cause_of
from bridge.pipeline.decide import Decision, Versioned, active_mappings
from bridge.pipeline.guard import poisoned
from bridge.store import accounts, completions, events
from bridge.store.states import CompletionState
from bridge.store.tables import completion
from bridge.store.troubles import MENDED, troubled
from connectors.base import (
    Capability,
    Completion,
    Malformed,
    Permanent,
    Problem,
    Temporary,
)
from runtime.lease import LeaseLost, claim, lease_of, release

STEP = "complete"
BATCH = 50
MOST_BUG_TRIES = 3

log = structlog.get_logger()


class MixedUp(Exception):
    """A connector answered for somebody it was not asked about."""


def run(bridge: Bridge) -> bool:
    """Enrich and map a batch of completions that are due; say whether there may be more."""
    with bridge.database.write() as conn:
        rows = claim(
            conn,
            completion,
            where=completion.c.state == CompletionState.FOUND,
            owner=bridge.owner,
            now=bridge.database.now(conn),
            lease=bridge.settings.lease,
            limit=BATCH,
        )
    by_site = sorted(rows, key=lambda row: row.site_id)
    for site_id, group in groupby(by_site, key=lambda row: row.site_id):
        _guarded(bridge, site_id, list(group))
    return len(rows) == BATCH


def _guarded(bridge: Bridge, site_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    if len(rows) == 1:
        move_on = partial(_move_on, bridge, rows[0])
    else:
        move_on = partial(_apart, bridge, site_id, rows)
    with poisoned(STEP, site_id if len(rows) > 1 else rows[0].id, move_on):
        _site(bridge, site_id, rows)


def _apart(bridge: Bridge, site_id: str, rows: Sequence[sa.Row[Any]], _name: str) -> None:
    """One of them spoils the batch: each by itself, so that it spoils its own only."""
    for row in rows:
        _guarded(bridge, site_id, [row])


def _site(bridge: Bridge, site_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    with bridge.database.read() as conn:
        site = accounts.site_by_id(conn, site_id)
    try:
        enriched = _enriched(bridge, site, rows)
    except Temporary as exc:
        _again(bridge, rows, exc.problem, cause=cause_of(STEP, exc), at_least=exc.retry_after)
    except Permanent as exc:
        trouble.tell(bridge, site, exc)
        _again(
            bridge,
            rows,
            exc.problem,
            cause=cause_of(STEP, exc),
            at_least=trouble.REFUSED,
            remedy=exc.remedy,
        )
    except Malformed as exc:
        if len(rows) > 1:
            _apart(bridge, site_id, rows, "Malformed")
        else:
            _unreadable(bridge, rows[0], exc)
    else:
        trouble.over(bridge, site)
        _settle_all(bridge, site, rows, enriched)


def _enriched(
    bridge: Bridge, site: sa.Row[Any], rows: Sequence[sa.Row[Any]]
) -> Sequence[Completion | Problem]:
    connector = bridge.connector_of(site)
    found = [completions.unpack(row.data) for row in rows]
    if Capability.ENRICH not in connector.capabilities():
        return found
    outcomes = connector.enrich(found)
    for asked, told in zip(found, outcomes, strict=True):
        if isinstance(told, Completion) and _whose(told) != _whose(asked):
            raise MixedUp
    return outcomes


def _whose(found: Completion) -> tuple[str, str]:
    return found.learner.id, found.course.id


def _settle_all(
    bridge: Bridge,
    site: sa.Row[Any],
    rows: Sequence[sa.Row[Any]],
    enriched: Sequence[Completion | Problem],
) -> None:
    with bridge.database.read() as conn:
        active = active_mappings(conn)
    for row, outcome in zip(rows, enriched, strict=True):
        with poisoned(STEP, row.id, partial(_move_on, bridge, row)):
            _settle(bridge, site, row, outcome, active)
    bridge.ring("issue")


def _settle(
    bridge: Bridge,
    site: sa.Row[Any],
    row: sa.Row[Any],
    outcome: Completion | Problem,
    active: Sequence[Versioned],
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if isinstance(outcome, Problem):
            cause = cause_of(STEP, outcome)
            _hold(conn, row, outcome.problem, outcome.remedy, cause=cause, now=now)
            return
        round_ = completions.provisional_round(outcome)
        known = completions.same_round(conn, row, round_)
        if known is not None:
            _same(conn, row, known, now=now)
            return
        result = mapped.issue(conn, site, row, outcome, active, now=now)
        release(
            conn,
            completion,
            lease_of(row),
            next_run_at=None,
            round=round_,
            data=completions.pack(outcome),
            state=result.state,
            same_as=result.same.id if result.same is not None else None,
            map_with=None,
            tries=0,
            **_said(row, result, now=now),
        )
        events.record(conn, row.id, result.state.value, at=now, detail=result.problem)
    log.info("completion", completion_id=row.id, outcome=result.state.value)


def _said(row: sa.Row[Any], result: Decision, *, now: datetime) -> Mapping[str, Any]:
    if result.trouble is None:
        return MENDED
    return troubled(row, now=now, **asdict(result.trouble))


def _hold(
    conn: sa.Connection,
    row: sa.Row[Any],
    problem: str,
    remedy: str,
    *,
    cause: str,
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


def _unreadable(bridge: Bridge, row: sa.Row[Any], exc: Malformed) -> None:
    """The LMS answers about this one in a shape unknown; after an upgrade it may be read."""
    with bridge.database.write() as conn:
        _hold(
            conn,
            row,
            f"The LMS's answer cannot be read: {exc}.",
            "Look at what the LMS answers, or upgrade the connector.",
            cause=cause_of(STEP, exc),
            now=bridge.database.now(conn),
        )


def _again(
    bridge: Bridge,
    rows: Sequence[sa.Row[Any]],
    problem: str,
    *,
    cause: str,
    at_least: timedelta | None = None,
    remedy: str = "Nothing: it is tried again by itself.",
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for row in rows:
            tries = row.tries + 1
            with suppress(LeaseLost):
                release(
                    conn,
                    completion,
                    lease_of(row),
                    next_run_at=now + bridge.backoff.wait(tries, at_least=at_least),
                    tries=tries,
                    **troubled(row, cause=cause, problem=problem, remedy=remedy, now=now),
                )


def _move_on(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    problem = f"Taking it up failed with {name}, which is a fault in the program."
    remedy = "Report it with the log's trace, and upgrade."
    cause = bug(STEP, name)
    if row.tries + 1 < MOST_BUG_TRIES:
        _again(bridge, [row], problem, cause=cause, remedy=remedy)
        return
    with bridge.database.write() as conn:
        _hold(conn, row, problem, remedy, cause=cause, now=bridge.database.now(conn))
