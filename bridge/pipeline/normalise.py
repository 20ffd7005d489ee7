"""Read deliveries: each becomes completions, a dead letter, a quarantined one, or a count."""

from __future__ import annotations

from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.guard import poisoned
from bridge.store import accounts, completions, deliveries, events
from bridge.store.states import DeliveryState
from bridge.store.tables import delivery
from connectors.base import Completion, Connector, InboundRequest, Malformed, Quarantined
from runtime.lease import claim, lease_of, release

BATCH = 100
#: Our own bug in reading a delivery may pass with an upgrade; not with the tenth try.
MOST_TRIES = 3

log = structlog.get_logger()


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
    sites = _sites(bridge, {row.site_id for row in rows})
    for row in rows:
        with poisoned("normalise", row.id, partial(_move_on, bridge, row)):
            _read(bridge, row, sites[row.site_id])
    return len(rows) == BATCH


def _sites(bridge: Bridge, ids: set[str]) -> dict[str, Connector[Any]]:
    with bridge.database.read() as conn:
        rows = [accounts.site_by_id(conn, site_id) for site_id in ids]
    return {row.id: bridge.connector_of(row) for row in rows}


def _read(bridge: Bridge, row: sa.Row[Any], connector: Connector[Any]) -> None:
    request = deliveries.unseal(row.request, keys=bridge.keys)
    try:
        found = connector.parse(request)
    except Malformed as exc:
        _end(
            bridge,
            row,
            DeliveryState.DEAD,
            problem=f"{exc.path}: {exc.problem}",
            remedy="Mend the sender or the connector, then `vaultbridge replay` this id.",
        )
    except Quarantined as exc:
        _end(bridge, row, DeliveryState.QUARANTINED, problem=exc.problem, remedy=exc.remedy)
    else:
        _take(bridge, row, connector, request, found)


def _take(
    bridge: Bridge,
    row: sa.Row[Any],
    connector: Connector[Any],
    request: InboundRequest,
    found: Any,
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        # The lease first: a write under a lost one must leave nothing behind.
        release(
            conn,
            delivery,
            lease_of(row),
            next_run_at=None,
            state=DeliveryState.NORMALISED,
            problem=None,
            remedy=None,
        )
        if not found:
            deliveries.count_unwanted(conn, row.site_id, connector.event_name(request), now=now)
            deliveries.drop(conn, row.id)
            return
        for completion in found:
            _add(conn, row, completion, now=now)
    log.info("normalised", delivery_id=row.id, completions=len(found))


def _add(conn: sa.Connection, row: sa.Row[Any], found: Completion, *, now: Any) -> None:
    completion_id = completions.add(conn, row.site_id, found, delivery_id=row.id, now=now)
    if completion_id is None:
        events.record(conn, row.id, "told a completion that is known", at=now)
    else:
        events.record(conn, completion_id, "found", at=now, detail=f"in {row.id}")


def _end(
    bridge: Bridge, row: sa.Row[Any], state: DeliveryState, *, problem: str, remedy: str
) -> None:
    with bridge.database.write() as conn:
        release(
            conn,
            delivery,
            lease_of(row),
            next_run_at=None,
            state=state,
            problem=problem,
            remedy=remedy,
        )
        now = bridge.database.now(conn)
        events.record(conn, row.id, state.value, at=now, detail=problem)
    log.warning("delivery_set_aside", delivery_id=row.id, outcome=state.value)


def _move_on(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    tries = row.tries + 1
    final = tries >= MOST_TRIES
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        release(
            conn,
            delivery,
            lease_of(row),
            next_run_at=None if final else now + bridge.backoff.wait(tries),
            tries=tries,
            state=DeliveryState.DEAD if final else DeliveryState.WAITING,
            problem=f"Reading it failed with {name}, which is a fault in the program.",
            remedy="Report it with the log's trace; after an upgrade, `vaultbridge replay` it.",
        )
