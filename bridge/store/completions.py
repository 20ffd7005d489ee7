"""Completions: each known once, by site, course, learner and round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import sqlalchemy as sa

from bridge.store import erasures
from bridge.store.ids import new_id
from bridge.store.states import CompletionState, IssuanceState
from bridge.store.tables import completion, issuance, site
from connectors.base import Completion, Course, Grade, Learner, Zone
from runtime.inserting import insert

#: What stands before a round's provisional place; it sorts behind all dates.
NOTICED = "noticed "


# Made once: to make a statement takes several times as long as to run one that is made.
_THEIR_OTHERS = (
    completion.c.site_id == sa.bindparam("site_id"),
    completion.c.course_id == sa.bindparam("course_id"),
    completion.c.learner_id == sa.bindparam("learner_id"),
    completion.c.id != sa.bindparam("but"),
)
#: Its certificate is another completion's; where it is the same as a completion, it was told twice.
_SHARES = sa.and_(
    completion.c.state == CompletionState.SAME,
    completion.c.same_as.startswith("is_", autoescape=True),
)
# One of several mappings may have issued where another is held, or what it made discarded.
_CERTIFIED = sa.or_(
    completion.c.state.in_(
        (
            CompletionState.MAPPED,
            CompletionState.HELD,
            CompletionState.AGAIN,
            CompletionState.DISCARDED,
        )
    ),
    _SHARES,
)
#: Of these an LMS has surely told in full. Of what is held it may have said that it could not.
TOLD = sa.or_(
    completion.c.state.in_(
        (
            CompletionState.MAPPED,
            CompletionState.UNMATCHED,
            CompletionState.EARLY,
            CompletionState.AGAIN,
            CompletionState.DISCARDED,
        )
    ),
    _SHARES,
)
#: What came, each round once: what was told twice is the same as the completion it tells again.
RECEIVED = sa.or_(TOLD, completion.c.state == CompletionState.HELD)
_same_round = sa.select(completion.c.id).where(
    *_THEIR_OTHERS, completion.c.round == sa.bindparam("round")
)
_earlier_rounds = (
    sa.select(completion)
    .where(*_THEIR_OTHERS, completion.c.round != sa.bindparam("round"), _CERTIFIED)
    .order_by(completion.c.created_at)
)


_OF_COURSE = (
    completion.c.site_id == sa.bindparam("site_id"),
    completion.c.course_id == sa.bindparam("course_id"),
)
_completed_on = (
    sa.select(sa.func.count())
    .select_from(completion)
    .where(*_OF_COURSE, completion.c.round == sa.bindparam("day"))
)
# A learner of whom events come without a date has a round for each of them.
_noticed_on = sa.select(sa.func.count(completion.c.learner_id.distinct())).where(
    *_OF_COURSE, completion.c.round >= sa.bindparam("day"), completion.c.round < sa.bindparam("end")
)


class Place(Protocol):
    """A completion's row, or what would be one: whose it is."""

    @property
    def id(self) -> str: ...
    @property
    def site_id(self) -> str: ...
    @property
    def course_id(self) -> str: ...
    @property
    def learner_id(self) -> str: ...


def provisional_round(found: Completion) -> str:
    """The round's place while the LMS has not told the date: the event's own moment."""
    return found.round or f"{NOTICED}{found.noticed_at.isoformat()}"


def day_of(found: Completion) -> str:
    """The day of a completion, or "noticed …" and the day of the event, where it has no date."""
    return found.round or f"{NOTICED}{found.noticed_at.date().isoformat()}"


def add(
    conn: sa.Connection, site_id: str, found: Completion, *, delivery_id: str | None, now: datetime
) -> str | None:
    """Add a completion to be taken up; None if it is known already, or was erased."""
    round_ = provisional_round(found)
    whose = {"course_id": found.course.id, "learner_id": found.learner.id}
    if erasures.known(conn, site_id, round_=round_, **whose):
        return None
    row_id: str | None = conn.execute(
        insert(conn, completion)
        .on_conflict_do_nothing(index_elements=["site_id", "course_id", "learner_id", "round"])
        .returning(completion.c.id),
        {
            "id": new_id("cp", now),
            "site_id": site_id,
            "course_id": found.course.id,
            "learner_id": found.learner.id,
            "round": round_,
            "delivery_id": delivery_id,
            "data": pack(found),
            "state": CompletionState.FOUND,
            "created_at": now,
            "next_run_at": now,
        },
    ).scalar()
    return row_id


def same_round(conn: sa.Connection, row: Place, round_: str) -> str | None:
    """The id of another row that already stands for this learner, course and round."""
    found: str | None = conn.execute(_same_round, _whose(row, round_)).scalar()
    return found


def take_up_early(conn: sa.Connection, site_id: str, *, since: datetime, now: datetime) -> int:
    """Take up what was too early for a site and no longer is; return how many there may be."""
    return conn.execute(
        sa.update(completion)
        .where(
            completion.c.site_id == site_id,
            completion.c.state == CompletionState.EARLY,
            # Rounds without a date sort behind all dates: the step looks at their moment again.
            completion.c.round >= since.astimezone(UTC).date().isoformat(),
        )
        .values(state=CompletionState.FOUND, next_run_at=now, lease_until=None, tries=0)
    ).rowcount


def rounds(
    conn: sa.Connection, site_id: str, whose: Collection[tuple[str, str]]
) -> Mapping[tuple[str, str], Sequence[str]]:
    """The rounds known of each (course, learner), whatever became of them: also of the erased."""
    of = sa.tuple_(completion.c.course_id, completion.c.learner_id)
    asked = {pair: pair for pair in whose}
    if (salted := erasures.salt(conn)) is not None:
        left = ((c, who, erasures.pseudonym(salted, site_id, who)) for c, who in whose)
        asked |= {(course, gone): (course, who) for course, who, gone in left}
    rows = conn.execute(
        sa.select(completion.c.course_id, completion.c.learner_id, completion.c.round).where(
            completion.c.site_id == site_id, of.in_(list(asked))
        )
    )
    known: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        known[asked[row.course_id, row.learner_id]].append(row.round)
    return known


def certified(
    conn: sa.Connection, site_id: str, *, since: date, after: str, limit: int
) -> Sequence[sa.Row[Any]]:
    """Completions since a day for which a certificate stands, by id, a batch at a time."""
    stands = sa.exists().where(
        issuance.c.completion_id == completion.c.id,
        issuance.c.state == IssuanceState.GENERATED,
        issuance.c.vault_status.is_distinct_from("revoked"),
    )
    return conn.execute(
        sa.select(completion)
        .where(
            completion.c.site_id == site_id,
            completion.c.round >= since.isoformat(),
            completion.c.round < NOTICED,
            completion.c.state == CompletionState.MAPPED,
            completion.c.id > after,
            stands,
        )
        .order_by(completion.c.id)
        .limit(limit)
    ).all()


def earlier_rounds(conn: sa.Connection, row: Place, round_: str) -> Sequence[sa.Row[Any]]:
    """Rows for which this learner was certified for this course in another round, oldest first.

    Also where the certificate is another completion's: one of the same e-mail, title and date.
    """
    return conn.execute(_earlier_rounds, _whose(row, round_)).all()


def repeated(conn: sa.Connection, site_ids: Collection[str]) -> Sequence[sa.Row[Any]]:
    """Where a learner completed a course more than once: of each round the row, oldest first.

    It tells whose it is, its state and when it came. All in one go through the index, as no
    database without statistics looks thousands of learners up one by one.
    """
    whose = (completion.c.site_id, completion.c.course_id, completion.c.learner_id)
    told = (completion.c.id, completion.c.state, completion.c.created_at)
    counted = (
        sa.select(*told, *whose, sa.func.count().over(partition_by=whose).label("rounds"))
        .where(completion.c.site_id.in_(site_ids), RECEIVED)
        .subquery()
    )
    several = sa.select(counted).where(counted.c.rounds > 1)
    return conn.execute(several.order_by(counted.c.created_at, counted.c.id)).all()


def _whose(row: Place, round_: str) -> Mapping[str, str]:
    whose = {"site_id": row.site_id, "course_id": row.course_id, "learner_id": row.learner_id}
    return {**whose, "round": round_, "but": row.id}


def on_day(conn: sa.Connection, site_id: str, course_id: str, day: str) -> int:
    """How many completed a course on a day that `day_of` gives, as far as is known."""
    of = {"site_id": site_id, "course_id": course_id, "day": day}
    if not day.startswith(NOTICED):
        return conn.execute(_completed_on, of).scalar_one()
    end = date.fromisoformat(day.removeprefix(NOTICED)) + timedelta(days=1)
    return conn.execute(_noticed_on, {**of, "end": f"{NOTICED}{end}"}).scalar_one()


def most_in_a_day(conn: sa.Connection, site_id: str, course_id: str, *, but: str) -> int:
    """How many completed a course on any other day than ``but``, at most.

    Those without a date are compared with their like: they may be given one yet.
    """
    dated = completion.c.round < NOTICED
    number = sa.func.count(completion.c.learner_id.distinct()).label("number")
    day = sa.func.substr(completion.c.round, 1, len(but))
    days = (
        sa.select(number)
        .where(
            completion.c.site_id == site_id,
            completion.c.course_id == course_id,
            sa.not_(dated) if but.startswith(NOTICED) else dated,
            day != but,
        )
        .group_by(day)
        .subquery()
    )
    return conn.execute(sa.select(sa.func.max(days.c.number))).scalar() or 0


def by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any] | None:
    """One completion."""
    return conn.execute(sa.select(completion).where(completion.c.id == row_id)).first()


def by_ids(conn: sa.Connection, row_ids: Collection[str]) -> Mapping[str, sa.Row[Any]]:
    """Completions by their ids."""
    rows = conn.execute(sa.select(completion).where(completion.c.id.in_(row_ids)))
    return {row.id: row for row in rows}


def course_ids(conn: sa.Connection, site_id: str) -> Sequence[str]:
    """The courses of a site that somebody has completed."""
    return (
        conn.execute(
            sa.select(completion.c.course_id)
            .where(completion.c.site_id == site_id)
            .distinct()
            .order_by(completion.c.course_id)
        )
        .scalars()
        .all()
    )


def recent(
    conn: sa.Connection,
    *,
    state: str | None,
    limit: int,
    within: sa.ColumnElement[bool] | None = None,
) -> Sequence[Mapping[Any, Any]]:
    """Completions with their sites' names, newest first; ``within`` a person's limits."""
    query = sa.select(completion, site.c.name.label("site")).join(site)
    if within is not None:
        query = query.where(within)
    if state is not None:
        query = query.where(completion.c.state == state)
    rows = conn.execute(query.order_by(completion.c.id.desc()).limit(limit))
    return rows.mappings().all()


def latest_told(conn: sa.Connection, site_id: str, *, limit: int) -> Sequence[Completion]:
    """Completions as their LMS told them when they were taken up, newest first."""
    rows = conn.execute(
        sa.select(completion.c.data)
        .where(completion.c.site_id == site_id, TOLD)
        .order_by(completion.c.id.desc())
        .limit(limit)
    )
    return [unpack(data) for data in rows.scalars()]


def courses(conn: sa.Connection, site_ids: Collection[str]) -> Sequence[tuple[str, Course]]:
    """Every course of these sites that was completed, with the site's id, as last told."""
    of_sites = completion.c.site_id.in_(site_ids)
    seen = sa.select(completion.c.site_id, completion.c.course_id).where(of_sites)
    each = seen.distinct().subquery()
    newest = (
        sa.select(completion.c.id)
        .where(
            completion.c.site_id == each.c.site_id, completion.c.course_id == each.c.course_id, TOLD
        )
        .order_by(completion.c.round.desc())
        .limit(1)
        .correlate(each)
        .scalar_subquery()
    )
    last = sa.select(completion.c.site_id, completion.c.data).where(
        completion.c.id.in_(sa.select(newest).select_from(each))
    )
    rows = conn.execute(last.order_by(completion.c.site_id, completion.c.course_id))
    return [(row.site_id, Course(**row.data["course"])) for row in rows]


def unmatched(conn: sa.Connection, site_ids: Collection[str]) -> Sequence[str]:
    """The ids of completions at these sites that no mapping wants, oldest first."""
    unwanted = completion.c.state == CompletionState.UNMATCHED
    of_sites = sa.select(completion.c.id).where(unwanted, completion.c.site_id.in_(site_ids))
    return conn.execute(of_sites.order_by(completion.c.id)).scalars().all()


def pack(found: Completion) -> dict[str, Any]:
    """A completion as JSON."""
    return {
        "course": _plain(found.course),
        "learner": _plain(found.learner),
        "grade": None if found.grade is None else _plain(found.grade),
        "noticed_at": found.noticed_at.isoformat(),
        "completed_at": None if found.completed_at is None else found.completed_at.isoformat(),
        "role": found.role,
        "cohorts": list(found.cohorts),
        "enrolled": found.enrolled,
        "extra": dict(found.extra),
        "zone": None if found.zone is None else _plain(found.zone),
    }


def _plain(part: Course | Learner | Grade | Zone) -> dict[str, Any]:
    values = {name: getattr(part, name) for name in part.__dataclass_fields__}
    return {
        name: str(value)
        if isinstance(value, Decimal)
        else dict(value)
        if isinstance(value, Mapping)
        else value
        for name, value in values.items()
    }


def unpack(data: Mapping[str, Any]) -> Completion:
    """The completion that `pack` kept."""
    grade, zone = data["grade"], data.get("zone")
    return Completion(
        course=Course(**data["course"]),
        learner=Learner(**data["learner"]),
        grade=None if grade is None else _grade(grade),
        noticed_at=datetime.fromisoformat(data["noticed_at"]),
        completed_at=None
        if data["completed_at"] is None
        else datetime.fromisoformat(data["completed_at"]),
        role=data["role"],
        cohorts=tuple(data["cohorts"]),
        enrolled=data["enrolled"],
        extra=data["extra"],
        zone=None if zone is None else Zone(**zone),
    )


def _grade(data: Mapping[str, Any]) -> Grade:
    numbers = {
        name: None if data[name] is None else Decimal(data[name])
        for name in ("percent", "points", "maximum")
    }
    return Grade(**numbers, text=data["text"])


def newest(conn: sa.Connection, site_id: str) -> sa.Row[Any] | None:
    """The last that was heard of at a site."""
    of_site = sa.select(completion).where(completion.c.site_id == site_id)
    return conn.execute(of_site.order_by(completion.c.id.desc()).limit(1)).first()
