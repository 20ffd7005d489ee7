"""Write-backs as a gradebook is compared with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.states import LOOKED_AT, IssuanceState, WriteBackState
from bridge.store.tables import issuance, target, write_back

#: A course's id, and the id of a write-back in it.
Place = tuple[str, str]


def _told() -> sa.Join:
    """Certificates and where they are told."""
    return sa.join(issuance, target, target.c.issuance_id == issuance.c.id)


def _of_site(site_id: str, since: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        issuance.c.site_id == site_id,
        issuance.c.state == IssuanceState.GENERATED,
        issuance.c.created_at >= since,
    )


def untold(
    conn: sa.Connection,
    site_id: str,
    *,
    since: datetime,
    until: datetime,
    after: str,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Certificates that must be told in a course's gradebook, and of which no row speaks."""
    row = sa.exists().where(
        write_back.c.site_id == issuance.c.site_id,
        write_back.c.course_id == target.c.course_id,
        write_back.c.learner_id == issuance.c.learner_id,
    )
    return conn.execute(
        sa.select(issuance, target.c.course_id.label("told_in"))
        .select_from(_told())
        .where(
            _of_site(site_id, since),
            issuance.c.generated_at < until,
            issuance.c.id > after,
            ~row,
        )
        .order_by(issuance.c.id)
        .limit(limit)
    ).all()


def concerned(
    conn: sa.Connection, site_id: str, *, since: datetime, after: Place, limit: int
) -> Sequence[sa.Row[Any]]:
    """Write-backs that tell certificates of the span, course by course, a batch at a time."""
    tells = (
        sa.exists()
        .select_from(_told())
        .where(
            _of_site(site_id, since),
            target.c.course_id == write_back.c.course_id,
            issuance.c.learner_id == write_back.c.learner_id,
        )
    )
    place = (write_back.c.course_id, write_back.c.id)
    return conn.execute(
        sa.select(write_back)
        .where(write_back.c.site_id == site_id, sa.tuple_(*place) > sa.tuple_(*after), tells)
        .order_by(*place)
        .limit(limit)
    ).all()


def write_again(conn: sa.Connection, row_id: str, *, now: datetime) -> bool:
    """Have a cell looked at and, unless it says it, written anew; False if it is at work already.

    A person's text is left alone all the same.
    """
    return bool(
        conn.execute(
            sa.update(write_back)
            .where(write_back.c.id == row_id, write_back.c.state.in_(LOOKED_AT))
            .values(state=WriteBackState.DUE, repairs=0, next_run_at=now, tries=0)
        ).rowcount
    )
