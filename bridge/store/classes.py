"""Courses and their learners: who completed one, and which certificate stands or waits for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa

from bridge.store.states import CompletionState, IssuanceState
from bridge.store.tables import completion, issuance, site
from bridge.store.tallies import CERTIFIED, LEFT, TOLD_BEFORE, waits_for

#: What a limit speaks of.
SITE, COURSE = site.c.name, completion.c.course_id
#: A course by its site's name and its id there; they sort so.
Place: TypeAlias = "tuple[str, str]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A course that somebody has completed."""

    site: str
    site_id: str
    id: str
    title: str | None  #: as it was told last


def courses(
    conn: sa.Connection, sites: Sequence[str], *, after: Place | None, limit: int
) -> Sequence[Course]:
    """Courses of these sites in their order, after one of them; each found by one look."""
    found: list[Course] = []
    for name in sorted(sites):
        if after is not None and name < after[0]:
            continue
        row = conn.execute(sa.select(site.c.id).where(site.c.name == name)).first()
        last = after[1] if after is not None and name == after[0] else ""
        while row is not None and len(found) < limit:
            course_id = _next(conn, row.id, last)
            if course_id is None:
                break
            found.append(_course(conn, name, row.id, course_id))
            last = course_id
    return found


def one(conn: sa.Connection, place: Place, *, within: sa.ColumnElement[bool]) -> Course | None:
    """A course that somebody has completed, if it is within a person's limits."""
    here = sa.and_(site.c.name == place[0], completion.c.course_id == place[1])
    query = sa.select(site.c.id).join(completion, completion.c.site_id == site.c.id)
    row = conn.execute(query.where(here, within).limit(1)).first()
    return None if row is None else _course(conn, place[0], row.id, place[1])


def members(conn: sa.Connection, course: Course, *, limit: int) -> Sequence[sa.Row[Any]]:
    """The completions of a course, newest first, each with an issuance's columns and an outcome.

    That is the one that waits, or else the newest certificate; the columns are empty where there is
    neither. Outcomes are ``certified``, ``waiting`` and ``left``, as `bridge.store.tallies` counts.
    """
    each = (
        sa.select(completion, waits_for().label("waits_for"), _stands().label("stands"))
        .where(
            completion.c.site_id == course.site_id,
            completion.c.course_id == course.id,
            completion.c.state != CompletionState.ERASED,
            ~TOLD_BEFORE,
        )
        .order_by(completion.c.id.desc())
        .limit(limit)
        .subquery()
    )
    outcome = sa.case(
        (each.c.waits_for.is_not(None), "waiting"),
        (each.c.state.in_(CERTIFIED), "certified"),
        (each.c.state.in_(LEFT), "left"),
        else_="waiting",
    )
    told = ("full_name", "applicant_email", "reference_id", "file_sha256", "hold_id")
    dated = ("released_at", "issue_date", "verification_url", "generated_at")
    return conn.execute(
        sa.select(
            each.c.id.label("completion_id"),
            each.c.learner_id,
            each.c.data,
            each.c.created_at,
            outcome.label("outcome"),
            issuance.c.id.label("issuance_id"),
            issuance.c.state.label("state"),
            *(issuance.c[name] for name in (*told, *dated)),
            *(
                sa.func.coalesce(issuance.c[name], each.c[name]).label(name)
                for name in ("cause", "problem", "remedy")
            ),
        )
        .outerjoin(issuance, issuance.c.id == sa.func.coalesce(each.c.waits_for, each.c.stands))
        .order_by(each.c.id.desc())
    ).all()


def _stands() -> sa.ScalarSelect[str]:
    """The newest certificate of a completion, its own or one that it shares."""
    theirs = sa.or_(
        issuance.c.completion_id == completion.c.id, issuance.c.id == completion.c.same_as
    )
    return (
        sa.select(sa.func.max(issuance.c.id))
        .where(theirs, issuance.c.state == IssuanceState.GENERATED)
        .scalar_subquery()
    )


def files(conn: sa.Connection, course: Course, *, limit: int) -> Sequence[sa.Row[Any]]:
    """The certificates of a course that are there to be handed out: name, file, reference id."""
    newer = issuance.alias("newer")
    replaced = sa.exists().where(
        newer.c.replaces == issuance.c.id, newer.c.state == IssuanceState.GENERATED
    )
    rows: Sequence[Any] = conn.execute(
        sa.select(
            issuance.c.id, issuance.c.full_name, issuance.c.file_sha256, issuance.c.reference_id
        )
        .join(completion, completion.c.id == issuance.c.completion_id)
        .where(
            completion.c.site_id == course.site_id,
            completion.c.course_id == course.id,
            issuance.c.state == IssuanceState.GENERATED,
            issuance.c.file_sha256.is_not(None),
            issuance.c.vault_status.is_distinct_from("revoked"),
            ~replaced,
        )
        .order_by(issuance.c.id)
        .limit(limit)
    ).all()
    return rows


def _next(conn: sa.Connection, site_id: str, after: str) -> str | None:
    query = (
        sa.select(completion.c.course_id)
        .where(completion.c.site_id == site_id, completion.c.course_id > after)
        .order_by(completion.c.course_id)
        .limit(1)
    )
    found: str | None = conn.execute(query).scalar()
    return found


def _course(conn: sa.Connection, name: str, site_id: str, course_id: str) -> Course:
    newest = (
        sa.select(completion.c.data)
        .where(completion.c.site_id == site_id, completion.c.course_id == course_id)
        .order_by(completion.c.round.desc())
        .limit(1)
    )
    data = conn.execute(newest).scalar() or {}
    title = (data.get("course") or {}).get("title")
    return Course(site=name, site_id=site_id, id=course_id, title=title)
