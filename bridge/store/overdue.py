"""Rows that did not go on: set aside, waiting for a person, or on their way for too long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store import holds
from bridge.store.states import CompletionState, DeliveryState, IssuanceState
from bridge.store.tables import completion, delivery, issuance, issuer

#: Per table: when a row came, the states in which it is set aside, those in which it goes on.
_DELIVERY = (
    delivery.c.received_at,
    (DeliveryState.DEAD, DeliveryState.QUARANTINED),
    (DeliveryState.WAITING,),
)
_COMPLETION = (
    completion.c.created_at,
    (CompletionState.HELD, CompletionState.UNMATCHED),
    (CompletionState.FOUND,),
)
_ISSUANCE = (
    issuance.c.created_at,
    (IssuanceState.HELD, IssuanceState.FAILED),
    (
        IssuanceState.WAITING,
        IssuanceState.READY,
        IssuanceState.SENDING,
        IssuanceState.PROCESSING,
    ),
)


def deliveries(conn: sa.Connection, site_id: str, **span: Any) -> Sequence[sa.Row[Any]]:
    """Deliveries set aside, or not read for too long; as `_batch`."""
    columns = [c for c in delivery.c if c.name != "request"]
    return _batch(conn, sa.select(*columns), delivery, _DELIVERY, site_id, **span)


def completions(conn: sa.Connection, site_id: str, **span: Any) -> Sequence[sa.Row[Any]]:
    """Completions held or unmatched, or not taken up for too long; as `_batch`."""
    return _batch(conn, sa.select(completion), completion, _COMPLETION, site_id, **span)


def issuances(conn: sa.Connection, site_id: str, **span: Any) -> Sequence[sa.Row[Any]]:
    """Issuances held or failed, or on their way for too long, with their issuer's trouble."""
    query = sa.select(
        issuance,
        issuer.c.name.label("issuer"),
        issuer.c.problem.label("issuer_problem"),
        issuer.c.remedy.label("issuer_remedy"),
    ).join(issuer, issuer.c.id == issuance.c.issuer_id)
    # About what waits with others a person decides when it is time, as was meant.
    query = query.where(sa.not_(holds.waits()))
    return _batch(conn, query, issuance, _ISSUANCE, site_id, **span)


def _batch(
    conn: sa.Connection,
    query: sa.Select[Any],
    table: sa.Table,
    what: tuple[sa.Column[Any], Sequence[str], Sequence[str]],
    site_id: str,
    *,
    since: datetime,
    stuck: datetime,
    after: str,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Rows that came ``since`` then, by id; those that go on only if they came before ``stuck``."""
    came, set_aside, going_on = what
    late = sa.and_(table.c.state.in_(going_on), came < stuck)
    return conn.execute(
        query.where(
            table.c.site_id == site_id,
            table.c.state.in_([*set_aside, *going_on]),
            sa.or_(table.c.state.in_(set_aside), late),
            came >= since,
            table.c.id > after,
        )
        .order_by(table.c.id)
        .limit(limit)
    ).all()


def count(conn: sa.Connection, site_id: str, *, since: datetime) -> dict[str, int]:
    """How many deliveries, completions and issuances came for a site since then."""
    return {
        table.name: conn.execute(
            sa.select(sa.func.count())
            .select_from(table)
            .where(table.c.site_id == site_id, came >= since)
        ).scalar_one()
        for table, came in (
            (delivery, delivery.c.received_at),
            (completion, completion.c.created_at),
            (issuance, issuance.c.created_at),
        )
    }
