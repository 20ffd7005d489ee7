"""The brake: completions that look wrong as a group, and are held as one until a person decides."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause
from bridge.pipeline.drafts import STEP
from bridge.pipeline.versioned import Versioned
from bridge.store import announcements, completions, holds
from bridge.store.completions import Place
from bridge.store.holds import Group
from bridge.store.states import HoldKind
from connectors.base import Completion, Permanent, Problem
from mappings import suspects

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From when on so many completions of a course in one day are too many."""

    least: int  #: so many are never too many
    factor: float  #: nor are so many times those who are enrolled, or ever completed it in a day
    #: At least so many are enrolled, by course, as far as it was worth asking.
    enrolled: Mapping[str, int]


def brake(
    conn: sa.Connection,
    by: Versioned,
    site: sa.Row[Any],
    place: Place,
    found: Completion,
    *,
    limits: Limits,
    now: datetime,
    asked: bool,
) -> Group | None:
    """With which others a certificate is held, though it could be sent; None if it goes on."""
    rules = by.mapping.hold
    if asked:  # by a person, who knows how old it is
        rules = dataclasses.replace(rules, older_than=None)
    told = suspects.suspicion(rules, found, now=now)
    if told is not None:
        return _group(by, site, told.code, told.problem)
    return _crowd(conn, by, site, place, found, limits=limits, now=now)


def _group(by: Versioned, site: sa.Row[Any], code: str, problem: str, **where: Any) -> Group:
    return Group(
        kind=HoldKind.BRAKE,
        cause=cause(STEP, code),
        problem=problem,
        mapping_name=by.mapping.name,
        site_id=site.id,
        **where,
    )


def _crowd(
    conn: sa.Connection,
    by: Versioned,
    site: sa.Row[Any],
    place: Place,
    found: Completion,
    *,
    limits: Limits,
    now: datetime,
) -> Group | None:
    """Counted by the day they were completed: what comes late after an outage is no crowd.

    Where the LMS tells no date, by that of the event.
    """
    course, day = (site.id, place.course_id), completions.day_of(found)
    count = completions.on_day(conn, *course, day)
    if count <= limits.least:
        return None
    meant = announcements.announced(conn, by.mapping.name, now=now)
    enrolled = max(found.enrolled or 0, limits.enrolled.get(place.course_id, 0))
    most = max(limits.least, meant, int(limits.factor * enrolled))
    if count > most:
        ever = completions.most_in_a_day(conn, *course, but=day)
        most = max(most, int(limits.factor * ever))
    if count <= most:
        return None
    problem = (
        f"{count:,} {_completed(found, place)} on {day.removeprefix(completions.NOTICED)}, "
        f"or more since; up to {most:,} would be no surprise."
    )
    group = _group(by, site, "too_many", problem, course_id=place.course_id, day=day)
    return None if holds.was_released(conn, group) else group


def _completed(found: Completion, place: Place) -> str:
    course = f"the course {found.course.title or place.course_id}"
    told = f"have completed {course}"
    return told if found.round else f"{told}, by when we heard of it, as the LMS tells no date,"


def limits(
    bridge: Bridge, site: sa.Row[Any], told: Iterable[Completion | Problem | Exception]
) -> Limits:
    """The limits for these completions of a site.

    The LMS is asked how many are enrolled where that matters. Raises connectors.base.Temporary.
    """
    least, factor = bridge.settings.brake_least, bridge.settings.brake_factor
    crowds = _crowds(bridge, site, told)
    enrolled = {
        course_id: _enrolled(bridge, site, course_id, enough=ceil(number / factor))
        for course_id, number in crowds.items()
    }
    return Limits(least=least, factor=factor, enrolled=enrolled)


def _crowds(
    bridge: Bridge, site: sa.Row[Any], told: Iterable[Completion | Problem | Exception]
) -> Mapping[str, int]:
    """How many have completed a course on its largest of these days, where they are many."""
    unsized = [one for one in told if isinstance(one, Completion) and one.enrolled is None]
    here = Counter((one.course.id, completions.day_of(one)) for one in unsized)
    found: dict[str, int] = {}
    with bridge.database.read() as conn:
        for (course_id, day), number in here.items():
            # Some of these may be counted already: then it is asked a little sooner.
            count = completions.on_day(conn, site.id, course_id, day) + number
            if count > bridge.settings.brake_least:
                found[course_id] = max(count, found.get(course_id, 0))
    return found


def _enrolled(bridge: Bridge, site: sa.Row[Any], course_id: str, *, enough: int) -> int:
    try:
        return bridge.connector_of(site).enrolled(course_id, enough=enough) or 0
    except Permanent as exc:  # then what the course ever had is what is known
        log.warning("enrolment_unknown", course_id=course_id, reason=type(exc).__name__)
        return 0
