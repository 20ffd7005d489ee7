"""Holds: certificates that wait together for a person's decision, and what it was."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from bridge.store import file_sources
from bridge.store.accounts import NotThere
from bridge.store.ids import new_id
from bridge.store.states import CompletionState, HoldKind, HoldOutcome, IssuanceState
from bridge.store.tables import completion, hold, issuance, issuer, site
from bridge.store.troubles import MENDED
from runtime.inserting import insert


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Why certificates are held together. Those that differ in nothing but words share a hold."""

    kind: HoldKind
    cause: str  #: without the hold's own id
    problem: str  #: in words, true for each of them
    mapping_name: str
    mapping_version: int | None = None
    site_id: str | None = None
    course_id: str | None = None
    day: str | None = None  #: of which completions, as `completions.day_of` gives it

    @property
    def key(self) -> str:
        """What those have in common that share a hold."""
        parts = {name: value for name, value in asdict(self).items() if name != "problem"}
        return sha256(repr(sorted(parts.items())).encode()).hexdigest()


def waits() -> sa.ColumnElement[bool]:
    """Certificates that wait for a person's decision about their hold."""
    return sa.and_(
        issuance.c.hold_id.is_not(None),
        issuance.c.released_at.is_(None),
        issuance.c.state == IssuanceState.HELD,
    )


def is_waiting(row: sa.Row[Any]) -> bool:
    """Whether a certificate waits for a person's decision about its hold."""
    undecided = row.hold_id is not None and row.released_at is None
    return undecided and row.state == IssuanceState.HELD


def join(conn: sa.Connection, group: Group, *, now: datetime) -> sa.Row[Any]:
    """The open hold of a group, opened if there is none.

    Nobody decides about it before this transaction ends.
    """
    mine = sa.select(hold).where(hold.c.key == group.key, hold.c.closed_at.is_(None))
    opened = {"id": new_id("ho", now), "key": group.key, "opened_at": now, **asdict(group)}
    adding = insert(conn, hold).on_conflict_do_nothing(
        index_elements=["key"], index_where=hold.c.closed_at.is_(None)
    )
    while (row := conn.execute(mine.with_for_update(read=True)).first()) is None:
        conn.execute(adding, opened)
    return row


def was_released(conn: sa.Connection, group: Group) -> bool:
    """Whether a person has said of such certificates before that they are meant."""
    decided = sa.and_(hold.c.key == group.key, hold.c.outcome == HoldOutcome.RELEASED)
    return conn.execute(sa.select(hold.c.id).where(decided).limit(1)).first() is not None


def by_id(conn: sa.Connection, hold_id: str, *, lock: bool = False) -> sa.Row[Any]:
    """One hold; raises NotThere. ``lock``: nothing joins it before this transaction ends."""
    query = sa.select(hold).where(hold.c.id == hold_id)
    row = conn.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise NotThere(f"There is no hold {hold_id!r}. `vaultbridge holds` lists them.")
    return row


def of(conn: sa.Connection, ids: Collection[str]) -> Mapping[str, sa.Row[Any]]:
    """Holds by their ids."""
    return {row.id: row for row in conn.execute(sa.select(hold).where(hold.c.id.in_(ids)))}


def close(
    conn: sa.Connection,
    hold_id: str,
    outcome: HoldOutcome,
    *,
    who: str,
    reason: str | None,
    now: datetime,
) -> None:
    """A person has decided: from now on nothing joins it."""
    decided = {"outcome": outcome, "closed_at": now, "closed_by": who, "reason": reason}
    conn.execute(sa.update(hold).where(hold.c.id == hold_id).values(decided))


def count(conn: sa.Connection, hold_id: str, outcome: HoldOutcome, number: int) -> None:
    """So many more of its certificates are released, or discarded."""
    column = hold.c[outcome.value]
    conn.execute(sa.update(hold).where(hold.c.id == hold_id).values({column: column + number}))


#: What waits, joined with what a person's limits speak of.
_LIMITED = issuance.join(site, site.c.id == issuance.c.site_id).join(
    issuer, issuer.c.id == issuance.c.issuer_id
)


def recent(
    conn: sa.Connection,
    *,
    all_: bool,
    only: str | None = None,
    after: str | None = None,
    limit: int,
    within: sa.ColumnElement[bool] | None = None,
) -> Sequence[sa.Row[Any]]:
    """Holds in which something waits, or ``all_``, newest first; with ``waiting``, ``site``.

    ``within`` a person's limits: what waits in them is counted. ``only`` the one of this id;
    ``after`` is the last id of the page before.
    """
    counted = sa.select(issuance.c.hold_id, sa.func.count().label("waiting")).where(waits())
    if within is not None:
        counted = counted.select_from(_LIMITED).where(within)
    waiting = counted.group_by(issuance.c.hold_id).subquery()
    number = sa.func.coalesce(waiting.c.waiting, 0).label("waiting")
    query = (
        sa.select(hold, number, site.c.name.label("site"))
        .outerjoin(waiting, waiting.c.hold_id == hold.c.id)
        .outerjoin(site, site.c.id == hold.c.site_id)
        .order_by(hold.c.id.desc())
    )
    if not all_:
        query = query.where(number > 0)
    if only is not None:
        query = query.where(hold.c.id == only)
    if after is not None:
        query = query.where(hold.c.id < after)
    return conn.execute(query.limit(limit)).all()


def waiting_of(conn: sa.Connection, mapping_name: str) -> Sequence[tuple[str, int]]:
    """The holds in which certificates of a mapping wait, and how many."""
    mine = (
        sa.select(hold.c.id, sa.func.count())
        .join(issuance, issuance.c.hold_id == hold.c.id)
        .where(hold.c.mapping_name == mapping_name, waits())
    )
    return [(row[0], row[1]) for row in conn.execute(mine.group_by(hold.c.id).order_by(hold.c.id))]


def waiting_in(
    conn: sa.Connection, hold_id: str, *, within: sa.ColumnElement[bool] | None = None
) -> int:
    """How many certificates wait in a hold; ``within`` a person's limits."""
    mine = sa.select(sa.func.count()).select_from(issuance)
    if within is not None:
        mine = sa.select(sa.func.count()).select_from(_LIMITED).where(within)
    return conn.execute(mine.where(issuance.c.hold_id == hold_id, waits())).scalar_one()


def members(
    conn: sa.Connection,
    hold_id: str,
    *,
    after: str = "",
    limit: int,
    within: sa.ColumnElement[bool] | None = None,
) -> Sequence[sa.Row[Any]]:
    """The certificates that wait in a hold, in the order they came, with their ``site``."""
    query = sa.select(issuance, site.c.name.label("site")).select_from(_LIMITED)
    if within is not None:
        query = query.where(within)
    return conn.execute(
        query.where(issuance.c.hold_id == hold_id, waits(), issuance.c.id > after)
        .order_by(issuance.c.id)
        .limit(limit)
    ).all()


def release(
    conn: sa.Connection, hold_id: str, ids: Sequence[str], *, now: datetime
) -> Sequence[sa.Row[Any]]:
    """Let certificates that wait in a hold go on; return those that did."""
    goes_on = {"state": file_sources.next_state(), "released_at": now, "next_run_at": now, **MENDED}
    return _decide(conn, hold_id, ids, goes_on, now=now)


def discard(
    conn: sa.Connection,
    hold_id: str,
    ids: Sequence[str],
    *,
    said: Mapping[str, Any],
    now: datetime,
) -> Sequence[sa.Row[Any]]:
    """Cancel certificates that wait in a hold, and free their keys; return those that were.

    ``said`` is why, and stands on the completions as well that have no other certificate.
    """
    cancelled = {"state": IssuanceState.CANCELLED, "natural_key": None, "next_run_at": None}
    rows = _decide(conn, hold_id, ids, {**cancelled, **said}, now=now)
    discard_completions(conn, rows, said=said)
    return rows


def discard_completions(
    conn: sa.Connection, rows: Sequence[sa.Row[Any]], *, said: Mapping[str, Any]
) -> None:
    """Of certificates that were cancelled: their completions are issued if a person asks for it."""
    state = {"state": CompletionState.DISCARDED, "same_as": None, **said}
    its_own = sa.and_(
        completion.c.id.in_([row.completion_id for row in rows]),
        completion.c.state == CompletionState.MAPPED,
    )
    shared = completion.c.same_as.in_([row.id for row in rows])
    for whose in (its_own, shared):
        conn.execute(sa.update(completion).where(whose).values(state))


def _decide(
    conn: sa.Connection,
    hold_id: str,
    ids: Sequence[str],
    values: Mapping[str, Any],
    *,
    now: datetime,
) -> Sequence[sa.Row[Any]]:
    """Whoever prints one of them has lost it."""
    which = (issuance.c.id.in_(ids), issuance.c.hold_id == hold_id, waits())
    # In one order, so that two who decide do not wait for each other.
    locked = sa.select(issuance.c.id).where(*which).order_by(issuance.c.id).with_for_update()
    found = conn.execute(locked).scalars().all()
    lost = {"lease_owner": None, "lease_until": None, "fence": issuance.c.fence + 1}
    afresh = {"tries": 0, "looks": 0, "updated_at": now}
    return conn.execute(
        sa.update(issuance)
        .where(issuance.c.id.in_(found))
        .values({**lost, **afresh, **values})
        .returning(issuance.c.id, issuance.c.completion_id)
    ).all()
