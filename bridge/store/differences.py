"""Differences that reconciliation found: a row for each thing, however often it is seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.ids import new_id
from bridge.store.reach import EVERYWHERE, Packed, within
from bridge.store.states import DifferenceState
from bridge.store.tables import difference, site
from runtime.inserting import insert

#: Rows in one INSERT; SQLite takes 32,766 values.
AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A difference as one run sees it."""

    key: str  #: of the thing, whatever is the matter with it; see `key`
    cause: str
    at: datetime  #: when the thing itself happened
    problem: str
    remedy: str
    command: str | None = None
    course_id: str | None = None
    learner_id: str | None = None
    subject: str | None = None
    reference_id: str | None = None
    data: Mapping[str, Any] | None = None
    asked_at: datetime | None = None
    state: DifferenceState = DifferenceState.OPEN


def key(*parts: str) -> str:
    """What one thing is known by, from run to run."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def again(row: sa.Row[Any]) -> Seen:
    """What is known of a difference, seen once more."""
    names = set(Seen.__dataclass_fields__) - {"state"}
    return Seen(**{name: getattr(row, name) for name in names})


def see(
    conn: sa.Connection,
    seen: Iterable[Seen],
    *,
    site_id: str,
    run_id: str,
    who: str,
    now: datetime,
) -> None:
    """Write down what a run sees. What a person has dismissed stays so while its cause is that."""
    rows = list({one.key: one for one in seen}.values())
    for start in range(0, len(rows), AT_ONCE):
        values = [
            _values(one, site_id=site_id, run_id=run_id, who=who, now=now)
            for one in rows[start : start + AT_ONCE]
        ]
        conn.execute(_upsert(conn, values))


def _values(one: Seen, *, site_id: str, run_id: str, who: str, now: datetime) -> dict[str, Any]:
    settled = one.state is not DifferenceState.OPEN
    return {
        **{name: getattr(one, name) for name in one.__dataclass_fields__},
        "id": new_id("df", now),
        "site_id": site_id,
        "first_run": run_id,
        "last_run": run_id,
        "first_seen_at": now,
        "last_seen_at": now,
        "settled_at": now if settled else None,
        "settled_by": who if settled else None,
    }


def _upsert(conn: sa.Connection, values: list[dict[str, Any]]) -> Any:
    statement = insert(conn, difference).values(values)
    fresh = statement.excluded
    dismissed = sa.and_(
        difference.c.state == DifferenceState.DISMISSED, difference.c.cause == fresh.cause
    )
    kept = ("id", "key", "site_id", "first_run", "first_seen_at")
    settled = ("state", "settled_at", "settled_by")
    changed = {
        name: sa.case((dismissed, difference.c[name]), else_=fresh[name])
        if name in settled
        else fresh[name]
        for name in values[0]
        if name not in kept
    }
    return statement.on_conflict_do_update(index_elements=["key"], set_=changed)


def by_keys(conn: sa.Connection, keys: Collection[str]) -> dict[str, sa.Row[Any]]:
    """What is known of things, by their keys."""
    if not keys:
        return {}
    rows = conn.execute(sa.select(difference).where(difference.c.key.in_(keys)))
    return {row.key: row for row in rows}


def by_id(conn: sa.Connection, row_id: str, *, limits: Packed = EVERYWHERE) -> sa.Row[Any] | None:
    """One difference, if it is within limits."""
    mine = sa.select(difference).where(difference.c.id == row_id, within(difference, limits))
    return conn.execute(mine).first()


def about(
    conn: sa.Connection, site_id: str, subjects: Collection[str]
) -> Sequence[Mapping[Any, Any]]:
    """Differences of a site that concern these rows, with the site's name, newest first."""
    query = sa.select(difference, site.c.name.label("site")).join(site)
    mine = query.where(difference.c.site_id == site_id, difference.c.subject.in_(subjects))
    return conn.execute(mine.order_by(difference.c.at.desc(), difference.c.id)).mappings().all()


def change(conn: sa.Connection, row_id: str, **values: Any) -> None:
    """Say something else of a difference."""
    conn.execute(sa.update(difference).where(difference.c.id == row_id).values(**values))


def settle(
    conn: sa.Connection,
    ids: Collection[str],
    state: DifferenceState,
    *,
    who: str,
    now: datetime,
) -> int:
    """Say what became of open differences; return how many were open."""
    return conn.execute(
        sa.update(difference)
        .where(difference.c.id.in_(ids), difference.c.state == DifferenceState.OPEN)
        .values(state=state, settled_at=now, settled_by=who)
    ).rowcount


def take_over(
    conn: sa.Connection, *, site_id: str, run_id: str, causes: Collection[str], since: datetime
) -> None:
    """Let a run have seen what is open and was seen since then: it goes on where others were."""
    conn.execute(
        sa.update(difference)
        .where(
            difference.c.site_id == site_id,
            difference.c.state == DifferenceState.OPEN,
            difference.c.cause.in_(causes),
            difference.c.last_seen_at >= since,
        )
        .values(last_run=run_id)
    )


def not_seen(
    conn: sa.Connection,
    *,
    site_id: str,
    run_id: str,
    causes: Collection[str],
    since: datetime,
    who: str,
    now: datetime,
) -> int:
    """Call gone what is open, lies within the run's span and was not seen by it."""
    return conn.execute(
        sa.update(difference)
        .where(
            difference.c.site_id == site_id,
            difference.c.state == DifferenceState.OPEN,
            difference.c.cause.in_(causes),
            difference.c.last_run != run_id,
            difference.c.at >= since,
        )
        .values(state=DifferenceState.GONE, settled_at=now, settled_by=who)
    ).rowcount


def open_in(
    conn: sa.Connection,
    *,
    site_id: str,
    run_id: str,
    causes: Collection[str],
    after: str = "",
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Open differences that a run saw, by id, a batch at a time."""
    return conn.execute(
        sa.select(difference)
        .where(
            difference.c.site_id == site_id,
            difference.c.state == DifferenceState.OPEN,
            difference.c.cause.in_(causes),
            difference.c.last_run == run_id,
            difference.c.id > after,
        )
        .order_by(difference.c.id)
        .limit(limit)
    ).all()


def counts(conn: sa.Connection, *, site_id: str, run_id: str) -> dict[str, dict[str, int]]:
    """How many differences a run saw, by state and cause; what was only remembered left out."""
    rows = conn.execute(
        sa.select(difference.c.state, difference.c.cause, sa.func.count().label("count"))
        .where(
            difference.c.site_id == site_id,
            difference.c.last_run == run_id,
            difference.c.state.in_([DifferenceState.OPEN, DifferenceState.MENDED]),
        )
        .group_by(difference.c.state, difference.c.cause)
        .order_by(difference.c.state, sa.func.count().desc(), difference.c.cause)
    )
    told: dict[str, dict[str, int]] = {
        DifferenceState.OPEN.value: {},
        DifferenceState.MENDED.value: {},
    }
    for state, cause, number in rows:
        told[state][cause] = number
    return told


def open_by_cause(conn: sa.Connection, *, limits: Packed = EVERYWHERE) -> Sequence[sa.Row[Any]]:
    """Open differences counted: ``site``, ``cause``, ``size``, ``since`` the first was seen."""
    return conn.execute(
        sa.select(
            site.c.name.label("site"),
            difference.c.cause,
            sa.func.count().label("size"),
            sa.func.min(difference.c.first_seen_at).label("since"),
        )
        .join(site)
        .where(
            difference.c.state == DifferenceState.OPEN,
            site.c.removed_at.is_(None),
            within(difference, limits),
        )
        .group_by(site.c.name, difference.c.cause)
    ).all()


def page(
    conn: sa.Connection,
    *,
    within: sa.ColumnElement[bool],
    site_name: str | None = None,
    state: str | None = None,
    cause: str | None = None,
    run_id: str | None = None,
    difference_id: str | None = None,
    after: str | None = None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Differences with their sites' names, the last that was found first.

    ``within`` is a condition on sites' names and courses; ``after`` the last id of the page before.
    """
    asked = {
        site.c.name: site_name,
        difference.c.state: state,
        difference.c.cause: cause,
        difference.c.last_run: run_id,
        difference.c.id: difference_id,
    }
    same = [column == value for column, value in asked.items() if value is not None]
    query = sa.select(difference, site.c.name.label("site")).join(site).where(within, *same)
    if after is not None:
        query = query.where(difference.c.id < after)
    return conn.execute(query.order_by(difference.c.id.desc()).limit(limit)).all()


def recent(
    conn: sa.Connection,
    *,
    site_name: str | None = None,
    state: str | None = DifferenceState.OPEN,
    causes: Collection[str] = (),
    run_id: str | None = None,
    limits: Packed = EVERYWHERE,
    after: tuple[datetime, str] | None = None,
    limit: int | None,
) -> Sequence[Mapping[Any, Any]]:
    """Differences with their sites' names, newest first.

    ``after``: when the last one of the page before happened, and its id.
    """
    query = sa.select(difference, site.c.name.label("site")).join(site)
    query = query.where(within(difference, limits))
    if after is not None:
        at, row_id = after
        same = sa.and_(difference.c.at == at, difference.c.id > row_id)
        query = query.where(sa.or_(difference.c.at < at, same))
    if site_name is not None:
        query = query.where(site.c.name == site_name)
    if state is not None:
        query = query.where(difference.c.state == state)
    if causes:
        query = query.where(difference.c.cause.in_(causes))
    if run_id is not None:
        query = query.where(difference.c.last_run == run_id)
    rows = conn.execute(query.order_by(difference.c.at.desc(), difference.c.id).limit(limit))
    return rows.mappings().all()
