"""Write-backs as a gradebook is compared with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.states import IssuanceState, WriteBackState
from bridge.store.tables import issuance, target, write_back


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
    conn: sa.Connection, site_id: str, *, since: datetime, after: str, limit: int
) -> Sequence[sa.Row[Any]]:
    """Write-backs that tell certificates of the span, by id, a batch at a time."""
    tells = (
        sa.exists()
        .select_from(_told())
        .where(
            _of_site(site_id, since),
            target.c.course_id == write_back.c.course_id,
            issuance.c.learner_id == write_back.c.learner_id,
        )
    )
    return conn.execute(
        sa.select(write_back)
        .where(write_back.c.site_id == site_id, write_back.c.id > after, tells)
        .order_by(write_back.c.id)
        .limit(limit)
    ).all()


def seen_again(conn: sa.Connection, ids: Collection[str], *, now: datetime) -> None:
    """These rows still say what they must: note that it was looked at."""
    conn.execute(
        sa.update(write_back)
        .where(write_back.c.id.in_(ids), write_back.c.state == WriteBackState.READ_BACK)
        .values(read_back_at=now)
    )


def write_again(conn: sa.Connection, row_id: str, *, now: datetime) -> bool:
    """Have a row read and, unless it says it, written anew; False if it is at work already."""
    return bool(
        conn.execute(
            sa.update(write_back)
            .where(write_back.c.id == row_id, write_back.c.state == WriteBackState.READ_BACK)
            .values(state=WriteBackState.DUE, next_run_at=now, tries=0)
        ).rowcount
    )
