"""Completing a course, as Moodle records it, and the event that this fires."""

from __future__ import annotations

from dataclasses import dataclass

from campus import webhooks
from campus.moodle import Moodle
from campus.people import ADMIN


class NotPossible(Exception):
    """This completion cannot be; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """One event: the completion it tells of and what became of the webhook."""

    objectid: int
    status: str | None  #: what Moodle logs of the receiver's answer; None without a hook


def complete(
    moodle: Moodle, course: int, learner: int, *, by_cron: bool = False, at: int | None = None
) -> Fired | None:
    """Complete a course for a learner and send the webhook; None if it was complete already.

    The event carries the learner as ``userid`` where the learner's own click completes the
    course, the administrator (2) where cron does. ``at`` sets the completion's time, in seconds
    since 1970. Raises NotPossible.
    """
    _require_possible(moodle, course, learner)
    completed = moodle.time() if at is None else at
    with moodle.state.transaction() as connection:
        connection.execute(
            "insert or ignore into criterion values (?, ?, ?)", (course, learner, completed)
        )
        cursor = connection.execute(
            "insert or ignore into completion (course, person, completed) values (?, ?, ?)",
            (course, learner, completed),
        )
        objectid = cursor.lastrowid if cursor.rowcount else None
    if objectid is None:
        return None
    return _fire(moodle, objectid, course, learner, userid=ADMIN if by_cron else learner)


def unlock(moodle: Moodle, course: int) -> list[Fired]:
    """Press "Unlock completion" and let cron run: everyone's event once more.

    The rows and so the object ids are new, the times of completion the old ones.
    """
    with moodle.state.transaction() as connection:
        held = connection.execute(
            "select criterion.person, criterion.completed from criterion"
            " join completion using (course, person) where course = ? order by completion.id",
            (course,),
        ).fetchall()
        connection.execute("delete from completion where course = ?", (course,))
        again = [
            (
                connection.execute(
                    "insert into completion (course, person, completed) values (?, ?, ?)",
                    (course, row["person"], row["completed"]),
                ).lastrowid
                or 0,
                row["person"],
            )
            for row in held
        ]
    return [_fire(moodle, objectid, course, who, userid=ADMIN) for objectid, who in again]


def reset(moodle: Moodle, course: int, learner: int) -> None:
    """Forget that a learner completed a course, so that it can be completed in a later round."""
    for table in ("completion", "criterion"):
        moodle.state.write(
            f"delete from {table} where course = ? and person = ?",  # noqa: S608  # two fixed names
            *(course, learner),
        )


def _require_possible(moodle: Moodle, course: int, learner: int) -> None:
    row = moodle.state.one("select criteria from course where id = ?", course)
    if row is None:
        raise NotPossible(f"There is no course {course}. See the list of courses.")
    if not row["criteria"]:
        raise NotPossible(
            f"Course {course} has no completion criteria. Choose one that can be completed."
        )
    if not is_enrolled(moodle, course, learner):
        raise NotPossible(
            f"Learner {learner} is not enrolled in course {course}. Choose one from its list."
        )


def is_enrolled(moodle: Moodle, course: int, learner: int) -> bool:
    """Whether this learner is enrolled as a student, and not suspended."""
    return (
        moodle.state.one(
            "select 1 from enrolment where course = ? and person = ? and role = 'student'"
            " and suspended = 0",
            *(course, learner),
        )
        is not None
    )


def _fire(moodle: Moodle, objectid: int, course: int, learner: int, *, userid: int) -> Fired:
    at = moodle.time()
    content = webhooks.body(
        moodle.settings,
        objectid=objectid,
        userid=userid,
        course=course,
        learner=learner,
        at=at,
        token=moodle.switches.hook_token,
    )
    status = webhooks.send(moodle, content)
    if status is not None:
        moodle.state.write(
            "insert into hook_log (at, objectid, course, person, userid, status)"
            " values (?, ?, ?, ?, ?, ?)",
            *(at, objectid, course, learner, userid, status),
        )
    return Fired(objectid=objectid, status=status)
