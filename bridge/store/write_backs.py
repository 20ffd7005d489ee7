"""Write-backs: one row a learner and target, saying whether the gradebook says it.

A target is the place for certificates in one course's gradebook. Which certificates are told at
which is the table `target`; usually the course that was completed, and each that shares it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from bridge.store.ids import new_id
from bridge.store.states import (
    LOOKED_AT,
    OUT_OF_HAND,
    UNDER_WAY,
    IssuanceState,
    WriteBackState,
)
from bridge.store.tables import issuance, target, write_back
from runtime.inserting import insert, insert_for


def tell(conn: sa.Connection, issuance_id: str, course_id: str, *, wanted: bool) -> None:
    """Say whether a course's gradebook is to tell a certificate, once that is final."""
    this = {"issuance_id": issuance_id, "course_id": course_id}
    if wanted:
        conn.execute(insert(conn, target).on_conflict_do_nothing(), this)
    else:
        conn.execute(
            sa.delete(target).where(*(target.c[name] == value for name, value in this.items()))
        )


def tell_as(conn: sa.Connection, issuance_id: str, *, told: str) -> None:
    """Tell a certificate wherever another is told that it replaces."""
    places = sa.select(sa.literal(issuance_id), target.c.course_id).where(
        target.c.issuance_id == told
    )
    conn.execute(sa.insert(target).from_select(["issuance_id", "course_id"], places))


def make_due(conn: sa.Connection, issuance_ids: Collection[str], *, now: datetime) -> None:
    """Something changed about these certificates: the rows that tell them are looked through.

    Those that are not final yet, or told nowhere, are passed over.
    """
    for place in conn.execute(_places, {"issuance_ids": list(issuance_ids)}).all():
        row = {"id": new_id("wb", now), **place._mapping}
        due = {"state": WriteBackState.DUE, "created_at": now, "next_run_at": now}
        conn.execute(_make_due(conn.dialect.name), {**row, **due})


@cache
def _make_due(dialect: str) -> Any:
    """Adds a row that is to be looked through, or makes one so; an open write stays one."""
    under_way = write_back.c.state.in_(UNDER_WAY)
    state = sa.case((under_way, write_back.c.state), else_=WriteBackState.DUE.value)
    adding = insert_for(dialect, write_back)
    return adding.on_conflict_do_update(
        index_elements=["site_id", "course_id", "learner_id"],
        set_={"next_run_at": adding.excluded.next_run_at, "tries": 0, "state": state},
    )


def _was_final() -> sa.ColumnElement[bool]:
    """Of a certificate that was generated once, whatever became of it since."""
    return sa.or_(issuance.c.state == IssuanceState.GENERATED, issuance.c.generated_at.is_not(None))


_places = (
    sa.select(issuance.c.site_id, target.c.course_id, issuance.c.learner_id)
    .distinct()
    .join(target)
    .where(issuance.c.id.in_(sa.bindparam("issuance_ids", expanding=True)), _was_final())
    # In an order that all share: none waits for one that waits for it.
    .order_by(issuance.c.learner_id, issuance.c.site_id, target.c.course_id)
)


def certificates(
    conn: sa.Connection, row_ids: Collection[str]
) -> Mapping[str, Sequence[sa.Row[Any]]]:
    """The issuances that each row must tell, newest first, by the row's id."""
    found = conn.execute(
        _joined(sa.select(issuance, write_back.c.id.label("told_in")))
        .where(write_back.c.id.in_(row_ids), _was_final())
        .order_by(issuance.c.issue_date.desc(), issuance.c.id.desc())
    )
    told: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in found:
        told[row.told_in].append(row)
    return told


def of_issuances(
    conn: sa.Connection, issuance_ids: Collection[str]
) -> Mapping[str, Sequence[sa.Row[Any]]]:
    """The rows that tell each certificate, oldest first, by the issuance's id."""
    found = conn.execute(
        _joined(sa.select(write_back, issuance.c.id.label("issuance_id")))
        .where(issuance.c.id.in_(issuance_ids))
        .order_by(write_back.c.id)
    )
    telling: dict[str, list[sa.Row[Any]]] = defaultdict(list)
    for row in found:
        telling[row.issuance_id].append(row)
    return telling


def is_told(conn: sa.Connection, issuance_id: str) -> bool:
    """Whether a gradebook tells a certificate, and nobody has taken its row over since."""
    telling = of_issuances(conn, [issuance_id]).get(issuance_id, ())
    return any(row.written_at is not None and row.state not in OUT_OF_HAND for row in telling)


def _joined(query: sa.Select[Any]) -> sa.Select[Any]:
    return (
        query.select_from(issuance)
        .join(target, target.c.issuance_id == issuance.c.id)
        .join(
            write_back,
            sa.and_(
                write_back.c.site_id == issuance.c.site_id,
                write_back.c.course_id == target.c.course_id,
                write_back.c.learner_id == issuance.c.learner_id,
            ),
        )
    )


def by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any] | None:
    """One write-back."""
    return conn.execute(sa.select(write_back).where(write_back.c.id == row_id)).first()


def afresh(state: str) -> Mapping[str, Any]:
    """What a replay changes of a row in that state: as if it had never failed or vanished."""
    return {"state": state if state in UNDER_WAY else WriteBackState.DUE.value, "repairs": 0}


def wake(conn: sa.Connection, site_id: str, *, now: datetime) -> None:
    """Let what waits to be written at a site be written now."""
    conn.execute(
        sa.update(write_back)
        .where(
            write_back.c.site_id == site_id,
            write_back.c.state.not_in(LOOKED_AT),
            write_back.c.next_run_at > now,
            write_back.c.lease_until.is_(None),
        )
        .values(next_run_at=now, tries=0)
    )


def waiting_in(conn: sa.Connection, site_id: str, course_id: str, *, now: datetime) -> int:
    """Wake the write-backs that waited for a course to have a place for them."""
    return conn.execute(
        sa.update(write_back)
        .where(
            write_back.c.site_id == site_id,
            write_back.c.course_id == course_id,
            write_back.c.state == WriteBackState.WAITING,
        )
        .values(next_run_at=now)
    ).rowcount


def waiting(conn: sa.Connection, site_id: str) -> Sequence[sa.Row[Any]]:
    """How many write-backs wait in each course of a site."""
    return conn.execute(
        sa.select(write_back.c.course_id, sa.func.count().label("count"))
        .where(write_back.c.site_id == site_id, write_back.c.state == WriteBackState.WAITING)
        .group_by(write_back.c.course_id)
    ).all()
