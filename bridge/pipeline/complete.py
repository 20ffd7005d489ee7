"""Take up completions: enriched by the LMS, then mapped to frozen issuances, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import mapped
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.guard import poisoned
from bridge.store import accounts, completions, events
from bridge.store.states import CompletionState
from bridge.store.tables import completion
from connectors.base import (
    Capability,
    Completion,
    Malformed,
    Permanent,
    Problem,
    Temporary,
)
from runtime.lease import LeaseLost, claim, lease_of, release

BATCH = 50
MOST_BUG_TRIES = 3
#: An LMS that refuses our token is asked again this often; a mended site is asked at once.
REFUSED = timedelta(minutes=15)

log = structlog.get_logger()


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
        batch = list(group)
        with poisoned("complete", site_id, partial(_move_on, bridge, batch)):
            _site(bridge, site_id, batch)
    return len(rows) == BATCH


def _site(bridge: Bridge, site_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    with bridge.database.read() as conn:
        site = accounts.site_by_id(conn, site_id)
    connector = bridge.connector_of(site)
    found = [completions.unpack(row.data) for row in rows]
    try:
        enriched: Sequence[Completion | Problem] = found
        if Capability.ENRICH in connector.capabilities():
            enriched = connector.enrich(found)
    except Temporary as exc:
        _again(bridge, rows, exc.problem, at_least=exc.retry_after)
    except (Permanent, Malformed) as exc:
        remedy = exc.remedy if isinstance(exc, Permanent) else "Look at what the LMS answers."
        _owner_must_mend(bridge, site, rows, str(exc), remedy)
    else:
        _mended(bridge, site)
        with bridge.database.read() as conn:
            active = mapped.active_mappings(conn)
        for row, outcome in zip(rows, enriched, strict=True):
            with poisoned("complete", row.id, partial(_move_on, bridge, [row])):
                _settle(bridge, site, row, outcome, active)
        bridge.ring("issue")


def _settle(
    bridge: Bridge,
    site: sa.Row[Any],
    row: sa.Row[Any],
    outcome: Completion | Problem,
    active: mapped.Active,
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if isinstance(outcome, Problem):
            hold(conn, row, outcome.problem, outcome.remedy, now=now)
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
            same_as=result.same_as,
            problem=result.problem,
            remedy=result.remedy,
            tries=0,
        )
        events.record(conn, row.id, result.state.value, at=now, detail=result.problem)
    log.info("completion", completion_id=row.id, outcome=result.state.value)


def hold(
    conn: sa.Connection, row: sa.Row[Any], problem: str, remedy: str, *, now: datetime
) -> None:
    """A person decides about this completion."""
    release(
        conn,
        completion,
        lease_of(row),
        next_run_at=None,
        state=CompletionState.HELD,
        problem=problem,
        remedy=f"{remedy} Then `vaultbridge replay {row.id}`.",
    )
    events.record(conn, row.id, "held", at=now, detail=problem)


def _same(conn: sa.Connection, row: sa.Row[Any], known: str, *, now: datetime) -> None:
    release(
        conn,
        completion,
        lease_of(row),
        next_run_at=None,
        state=CompletionState.SAME,
        same_as=known,
        problem=None,
        remedy=None,
    )
    events.record(conn, row.id, "the same", at=now, detail=f"told before as {known}")
    events.record(conn, known, "told again", at=now, detail=f"as {row.id}")


def _owner_must_mend(
    bridge: Bridge, site: sa.Row[Any], rows: Sequence[sa.Row[Any]], problem: str, remedy: str
) -> None:
    with bridge.database.write() as conn:
        accounts.note_trouble(conn, site.id, kind="site", problem=problem, remedy=remedy)
    log.error("site_refuses", site=site.name, reason=problem, remedy=remedy)
    _again(bridge, rows, problem, at_least=REFUSED, remedy=remedy)


def _mended(bridge: Bridge, site: sa.Row[Any]) -> None:
    if site.problem is not None:
        with bridge.database.write() as conn:
            accounts.note_trouble(conn, site.id, kind="site", problem=None, remedy=None)


def _again(
    bridge: Bridge,
    rows: Sequence[sa.Row[Any]],
    problem: str,
    *,
    at_least: timedelta | None,
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
                    problem=problem,
                    remedy=remedy,
                )


def _move_on(bridge: Bridge, rows: Sequence[sa.Row[Any]], name: str) -> None:
    problem = f"Taking it up failed with {name}, which is a fault in the program."
    remedy = "Report it with the log's trace; after an upgrade, replay it."
    worn = [row for row in rows if row.tries + 1 >= MOST_BUG_TRIES]
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for row in worn:
            with suppress(LeaseLost):
                hold(conn, row, problem, remedy, now=now)
    _again(bridge, [r for r in rows if r not in worn], problem, at_least=None, remedy=remedy)
