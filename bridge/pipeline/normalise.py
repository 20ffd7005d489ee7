"""Read deliveries: each becomes completions, a dead letter, a quarantined one, or a count."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import erasing, trouble
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug, cause_of
from bridge.pipeline.guard import poisoned
from bridge.pipeline.parts import parts
from bridge.store import accounts, completions, deliveries, events
from bridge.store.states import DeliveryState
from bridge.store.tables import delivery
from bridge.store.troubles import MENDED, troubled
from connectors.base import (
    Completion,
    Connector,
    InboundRequest,
    Malformed,
    Permanent,
    Quarantined,
)
from runtime.crashpoint import crashpoint
from runtime.lease import LeaseLost, claim, lease_of, release

STEP = "normalise"
BATCH = 100
#: Deliveries to a commit.
TOGETHER = 20
#: Our own bug in reading a delivery may pass with an upgrade; not with the tenth try.
MOST_TRIES = 3

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A delivery, and what it tells."""

    row: sa.Row[Any]
    request: InboundRequest
    found: Sequence[Completion]


def run(bridge: Bridge) -> bool:
    """Read a batch of waiting deliveries; say whether there may be more."""
    with bridge.database.write() as conn:
        rows = claim(
            conn,
            delivery,
            where=delivery.c.state == DeliveryState.WAITING,
            owner=bridge.owner,
            now=bridge.database.now(conn),
            lease=bridge.settings.lease,
            limit=BATCH,
        )
    by_site = sorted(rows, key=lambda row: row.site_id)
    for site_id, group in groupby(by_site, key=lambda row: row.site_id):
        crashpoint("normalise.claimed")
        _site(bridge, site_id, list(group))
    return len(rows) == BATCH


def _site(bridge: Bridge, site_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    with bridge.database.read() as conn:
        site = accounts.site_by_id(conn, site_id)
    try:
        connector = bridge.connector_of(site)
    except Permanent as exc:
        trouble.tell(bridge, site, exc)
        _wait(bridge, rows, exc)
        return
    read: list[_Read] = []
    for row in rows:
        with poisoned(STEP, row.id, partial(_move_on, bridge, row), about=row):
            read += _read(bridge, row, connector)
    for some in parts(read, TOGETHER):
        with poisoned(STEP, some[0].row.id, partial(_apart, bridge, connector, some)):
            _take(bridge, connector, some)


def _wait(bridge: Bridge, rows: Sequence[sa.Row[Any]], exc: Permanent) -> None:
    cause = cause_of(STEP, exc)
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for row in rows:
            said = troubled(row, cause=cause, problem=exc.problem, remedy=exc.remedy, now=now)
            with suppress(LeaseLost):
                release(conn, delivery, lease_of(row), next_run_at=now + trouble.REFUSED, **said)


def _read(bridge: Bridge, row: sa.Row[Any], connector: Connector[Any]) -> list[_Read]:
    """What a delivery tells; nothing where it was set aside."""
    request = deliveries.unseal(row.request, keys=bridge.keys)
    try:
        found = connector.parse(request)
    except Malformed as exc:
        _end(
            bridge,
            row,
            DeliveryState.DEAD,
            cause=cause_of(STEP, exc),
            problem=f"{exc.path}: {exc.problem}",
            remedy=f"Mend the sender or the connector, then `vaultbridge replay {row.id}`.",
        )
    except Quarantined as exc:
        _end(
            bridge,
            row,
            DeliveryState.QUARANTINED,
            cause=cause_of(STEP, exc),
            problem=exc.problem,
            remedy=exc.remedy,
        )
    else:
        crashpoint("normalise.read")
        return [_Read(row=row, request=request, found=found)]
    return []


def _apart(bridge: Bridge, connector: Connector[Any], read: Sequence[_Read], _name: str) -> None:
    """One of them spoils the others' commit: each by itself."""
    for one in read:
        with poisoned(STEP, one.row.id, partial(_move_on, bridge, one.row), about=one.row):
            _take(bridge, connector, [one])


def _take(bridge: Bridge, connector: Connector[Any], read: Sequence[_Read]) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        # The leases first: a write under a lost one must leave nothing behind.
        held = [one for one in read if _released(conn, one.row)]
        for name, one in sorted(_unwanted(connector, held), key=lambda pair: pair[0]):
            deliveries.count_unwanted(conn, one.row.site_id, name, now=now)
            deliveries.drop(conn, one.row.id)
        # In an order that all workers share: none waits for one that waits for it.
        told = [(completion, one.row) for one in held for completion in one.found]
        for completion, row in sorted(told, key=lambda pair: pair[0].learner.id):
            # Each with a moment of its own, by which it is taken up.
            _add(conn, row, completion, now=bridge.database.now(conn))
        crashpoint("normalise.taking")
    crashpoint("normalise.taken")
    for one in held:
        log.info("normalised", delivery_id=one.row.id, completions=len(one.found))


def _released(conn: sa.Connection, row: sa.Row[Any]) -> bool:
    try:
        release(
            conn,
            delivery,
            lease_of(row),
            next_run_at=None,
            state=DeliveryState.NORMALISED,
            tries=0,
            **MENDED,
        )
    except LeaseLost:
        return False
    return True


def _unwanted(connector: Connector[Any], read: Sequence[_Read]) -> Sequence[tuple[str, _Read]]:
    return [(connector.event_name(one.request), one) for one in read if not one.found]


def _add(conn: sa.Connection, row: sa.Row[Any], found: Completion, *, now: datetime) -> None:
    completion_id = completions.add(conn, row.site_id, found, delivery_id=row.id, now=now)
    if completion_id is None and erasing.is_erased(conn, row.site_id, found):
        # Told again by its LMS: of that nothing is kept either.
        deliveries.blank(conn, [row.id], erasing.WHY)
    elif completion_id is None:
        events.record(conn, row.id, "told a completion that is known", at=now)
    else:
        events.record(conn, completion_id, "found", at=now, detail=f"in {row.id}")


def _end(
    bridge: Bridge,
    row: sa.Row[Any],
    state: DeliveryState,
    *,
    cause: str,
    problem: str,
    remedy: str,
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        said = troubled(row, cause=cause, problem=problem, remedy=remedy, now=now)
        release(conn, delivery, lease_of(row), next_run_at=None, state=state, **said)
        events.record(conn, row.id, state.value, at=now, detail=problem)
        crashpoint("normalise.setting_aside")
    crashpoint("normalise.set_aside")
    log.warning("delivery_set_aside", delivery_id=row.id, outcome=state.value)


def _move_on(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    tries = row.tries + 1
    final = tries >= MOST_TRIES
    problem = f"Reading it failed with {name}, which is a fault in the program."
    remedy = f"Report it with the log's trace; after an upgrade, `vaultbridge replay {row.id}`."
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        release(
            conn,
            delivery,
            lease_of(row),
            next_run_at=None if final else now + bridge.backoff.wait(tries),
            tries=tries,
            state=DeliveryState.DEAD if final else DeliveryState.WAITING,
            **troubled(row, cause=bug(STEP, name), problem=problem, remedy=remedy, now=now),
        )
        if final:
            events.record(conn, row.id, DeliveryState.DEAD.value, at=now, detail=problem)
