"""Deliveries: stored once, kept exactly as they came; refusals and unwanted events, counted."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.ids import new_id
from bridge.store.states import DeliveryState
from bridge.store.tables import delivery, refusal, site, unwanted_event
from connectors.base import InboundRequest
from runtime.inserting import Rows, insert
from runtime.keys import KeyProblem, Keys

#: The reason under which a delivery is counted that proves nothing.
UNVERIFIED = "unverified"


def seal(request: InboundRequest, *, keys: Keys) -> str:
    """A request as it is kept: whole, and encrypted."""
    return keys.encrypt(
        {
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "headers": dict(request.headers),
            "body": base64.b64encode(request.body).decode(),
        },
        purpose="delivery",
    )


class Gone(KeyProblem):
    """What came with a delivery is not kept any more; the text says why."""


#: What stands in the place of a request that is gone, before why.
BLANK = "gone: "


def is_blank(sealed: str) -> bool:
    """Whether a request is not kept any more."""
    return sealed.startswith(BLANK)


def why_blank(sealed: str) -> str:
    """Why it is not."""
    return sealed.removeprefix(BLANK)


def blank(conn: sa.Connection, delivery_ids: Sequence[str], why: str) -> int:
    """Keep the rows of deliveries, and nothing of what came; return how many had anything."""
    there = delivery.c.request.not_like(f"{BLANK}%")
    gone = sa.update(delivery).where(delivery.c.id.in_(delivery_ids), there)
    return conn.execute(gone.values(request=f"{BLANK}{why}")).rowcount


def unseal(sealed: str, *, keys: Keys) -> InboundRequest:
    """The request that `seal` kept; raises Gone, runtime.keys.KeyProblem."""
    if is_blank(sealed):
        raise Gone(f"What came with this delivery is gone: {why_blank(sealed)}.")
    kept: dict[str, Any] = keys.decrypt(sealed, purpose="delivery")
    return InboundRequest(**{**kept, "body": base64.b64decode(kept["body"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A delivery to be stored."""

    site_id: str
    dedupe_key: str  #: the same for each repetition
    sealed: str
    received_at: datetime


_new = Rows(
    delivery,
    ("id", "site_id", "received_at", "dedupe_key", "request", "state", "next_run_at"),
    unless_taken=("site_id", "dedupe_key"),
    returning=(delivery.c.id,),
)


def store(conn: sa.Connection, new: Sequence[New]) -> Sequence[tuple[str, bool]]:
    """Store deliveries; return of each (its id, is it new). A repetition has the first one's id."""
    ids = [new_id("dl", one.received_at) for one in new]
    values = [_values(id, one) for id, one in zip(ids, new, strict=True)]
    # In an order that all share: no two transactions with the same keys wait for each other.
    values.sort(key=lambda row: (row["site_id"], row["dedupe_key"]))
    added = _new.add(conn, values)
    stored = {row.id for row in added}
    repeated = [one for id, one in zip(ids, new, strict=True) if id not in stored]
    first = _first_of(conn, repeated) if repeated else {}
    return [
        (id, True) if id in stored else (first[one.site_id, one.dedupe_key], False)
        for id, one in zip(ids, new, strict=True)
    ]


def _values(id: str, new: New) -> dict[str, Any]:
    return {
        "id": id,
        "site_id": new.site_id,
        "received_at": new.received_at,
        "dedupe_key": new.dedupe_key,
        "request": new.sealed,
        "state": DeliveryState.WAITING,
        "next_run_at": new.received_at,
    }


def _first_of(conn: sa.Connection, repeated: Sequence[New]) -> Mapping[tuple[str, str], str]:
    keys = {(one.site_id, one.dedupe_key) for one in repeated}
    both = sa.tuple_(delivery.c.site_id, delivery.c.dedupe_key)
    rows = conn.execute(
        sa.select(delivery.c.id, delivery.c.site_id, delivery.c.dedupe_key).where(both.in_(keys))
    )
    return {(row.site_id, row.dedupe_key): row.id for row in rows}


def count_refusal(conn: sa.Connection, site_name: str, reason: str, *, now: datetime) -> None:
    """Count a delivery that was turned away, by site, hour and reason."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    conn.execute(
        insert(conn, refusal)
        .values(site_name=site_name, hour=hour, reason=reason, count=1)
        .on_conflict_do_update(
            index_elements=["site_name", "hour", "reason"],
            set_={"count": refusal.c.count + 1},
        )
    )


def count_unwanted(conn: sa.Connection, site_id: str, name: str, *, now: datetime) -> None:
    """Count an event that nobody wants, by its name."""
    conn.execute(
        insert(conn, unwanted_event)
        .values(site_id=site_id, event_name=name[:200], count=1, last_at=now)
        .on_conflict_do_update(
            index_elements=["site_id", "event_name"],
            set_={"count": unwanted_event.c.count + 1, "last_at": now},
        )
    )


def drop(conn: sa.Connection, delivery_id: str) -> None:
    """Keep nothing of a delivery that nobody wants."""
    conn.execute(sa.delete(delivery).where(delivery.c.id == delivery_id))


def moments(conn: sa.Connection, site_id: str, *, since: datetime) -> Sequence[datetime]:
    """When deliveries of a site came, in order."""
    came = delivery.c.received_at
    query = sa.select(came).where(delivery.c.site_id == site_id, came >= since).order_by(came)
    return conn.execute(query).scalars().all()


def refusals(conn: sa.Connection) -> Sequence[sa.Row[Any]]:
    """What was turned away, newest hour first."""
    return conn.execute(sa.select(refusal).order_by(refusal.c.hour.desc())).all()


def refused_by_hour(
    conn: sa.Connection, site_name: str, *, since: datetime
) -> Mapping[datetime, int]:
    """How many deliveries to a site were turned away as unproven, by the hour."""
    rows = conn.execute(
        sa.select(refusal.c.hour, refusal.c.count).where(
            refusal.c.site_name == site_name,
            refusal.c.hour >= since,
            refusal.c.reason == UNVERIFIED,
        )
    )
    return dict(rows.all())


def unwanted(conn: sa.Connection, site_id: str) -> Sequence[sa.Row[Any]]:
    """The events a site sends that nobody wants, most frequent first."""
    return conn.execute(
        sa.select(unwanted_event)
        .where(unwanted_event.c.site_id == site_id)
        .order_by(unwanted_event.c.count.desc())
    ).all()


def page(
    conn: sa.Connection,
    *,
    within: sa.ColumnElement[bool],
    state: str | None = None,
    site_name: str | None = None,
    delivery_id: str | None = None,
    after: str | None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Deliveries with their sites' names, newest first, without what was sent.

    ``within`` is a condition on sites' names.
    """
    columns = [c for c in delivery.c if c is not delivery.c.request]
    query: sa.Select[Any] = sa.select(*columns, site.c.name.label("site")).join(site).where(within)
    asked = {delivery.c.state: state, site.c.name: site_name, delivery.c.id: delivery_id}
    query = query.where(*(column == value for column, value in asked.items() if value is not None))
    if after is not None:
        query = query.where(delivery.c.id < after)
    return conn.execute(query.order_by(delivery.c.id.desc()).limit(limit)).all()


def by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    """One delivery with the request, sealed."""
    return conn.execute(sa.select(delivery).where(delivery.c.id == row_id)).one()


def recent(conn: sa.Connection, *, state: str | None, limit: int) -> Sequence[Mapping[Any, Any]]:
    """Deliveries with their sites' names, newest first, without what was sent."""
    columns = [c for c in delivery.c if c.name != "request"]
    query = sa.select(*columns, site.c.name.label("site")).join(site)
    if state is not None:
        query = query.where(delivery.c.state == state)
    rows = conn.execute(query.order_by(delivery.c.id.desc()).limit(limit))
    return rows.mappings().all()


#: What a delivery is listed by: all but what was sent.
_listed = [column for column in delivery.c if column.name != "request"]


def of_site(
    conn: sa.Connection,
    site_id: str,
    *,
    states: Collection[str] = (),
    after: str | None = None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Deliveries of a site, newest first, without what was sent.

    ``after`` is the last id of the page before; without ``states`` in any state.
    """
    query = sa.select(*_listed).where(delivery.c.site_id == site_id)
    if states:
        query = query.where(delivery.c.state.in_(states))
    if after is not None:
        last = sa.select(delivery.c.received_at).where(delivery.c.id == after).scalar_subquery()
        earlier = delivery.c.received_at < last
        as_early = sa.and_(delivery.c.received_at == last, delivery.c.id < after)
        query = query.where(delivery.c.received_at <= last, sa.or_(earlier, as_early))
    return conn.execute(
        query.order_by(delivery.c.received_at.desc(), delivery.c.id.desc()).limit(limit)
    ).all()


def one_within(
    conn: sa.Connection, delivery_id: str, limit: sa.ColumnElement[bool]
) -> sa.Row[Any] | None:
    """A delivery, if its site is within a limit, with ``site``, its site's name."""
    site = delivery.metadata.tables["site"]
    query = sa.select(delivery, site.c.name.label("site")).join(site)
    return conn.execute(query.where(delivery.c.id == delivery_id, limit)).first()


def refused_since(
    conn: sa.Connection, *, since: datetime, names: Collection[str] | None = None
) -> Sequence[sa.Row[Any]]:
    """What was turned away since, by site, hour and reason, newest hour first: ``number`` each."""
    query = sa.select(refusal, refusal.c.count.label("number")).where(
        refusal.c.hour >= since.replace(minute=0, second=0, microsecond=0)
    )
    if names is not None:
        query = query.where(refusal.c.site_name.in_(names))
    return conn.execute(query.order_by(refusal.c.hour.desc(), refusal.c.reason)).all()
