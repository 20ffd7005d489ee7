"""Write-backs: one row a learner and course, saying whether the gradebook says it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.deliveries import insert
from bridge.store.ids import new_id
from bridge.store.states import WriteBackState
from bridge.store.tables import write_back


def make_due(
    conn: sa.Connection, *, site_id: str, course_id: str, learner_id: str, now: datetime
) -> None:
    """Something changed that a learner's gradebook row must say."""
    conn.execute(
        insert(conn, write_back)
        .values(
            id=new_id("wb", now),
            site_id=site_id,
            course_id=course_id,
            learner_id=learner_id,
            state=WriteBackState.DUE,
            created_at=now,
            next_run_at=now,
        )
        .on_conflict_do_update(
            index_elements=["site_id", "course_id", "learner_id"],
            set_={"next_run_at": now, "tries": 0},
        )
    )


def by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any] | None:
    """One write-back."""
    return conn.execute(sa.select(write_back).where(write_back.c.id == row_id)).first()


def of(conn: sa.Connection, *, site_id: str, course_id: str, learner_id: str) -> sa.Row[Any] | None:
    """The write-back of one learner in one course."""
    return conn.execute(
        sa.select(write_back).where(
            write_back.c.site_id == site_id,
            write_back.c.course_id == course_id,
            write_back.c.learner_id == learner_id,
        )
    ).first()


def again(conn: sa.Connection, row_id: str, *, now: datetime) -> None:
    """Try a write-back once more, now."""
    conn.execute(
        sa.update(write_back).where(write_back.c.id == row_id).values(next_run_at=now, tries=0)
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
