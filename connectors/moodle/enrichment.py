"""What a completion event does not say: who, which course, when truly, with which grade.

One call a learner (the status, which no batch tells), a few a course for the grades and one for its
staff, one a hundred users, one a hundred courses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from connectors.base import Completion, Course, Grade, Learner, Problem
from connectors.moodle import directory, staff
from connectors.moodle.client import MoodleClient
from connectors.moodle.errors import Kind, Refusal, grant, problem_of, raise_if_all_denied
from connectors.moodle.gradeitems import course_grade
from connectors.moodle.reports import Report, reports
from connectors.moodle.settings import MoodleSettings

STATUS = "core_completion_get_course_completion_status"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    """That a course is completed, since when and with which grade."""

    completed_at: datetime | None
    grade: Grade | None = None


_Found: TypeAlias = "_Proof | Problem | Refusal"
_Key: TypeAlias = tuple[str, str]  # course and learner


def enrich(
    client: MoodleClient, settings: MoodleSettings, batch: Sequence[Completion]
) -> Sequence[Completion | Problem]:
    """As Connector.enrich."""
    keys = [(completion.course.id, completion.learner.id) for completion in batch]
    proofs = _proofs(client, dict.fromkeys(keys))
    proven = [key for key, proof in proofs.items() if isinstance(proof, _Proof)]
    learners = directory.users(client, settings, (learner for _, learner in proven))
    if proven and not learners:
        # Their status was told, so they exist: all of them are invisible to us.
        raise _invisible()
    courses = directory.courses(client, (course for course, _ in proven))
    # Whoever is a course's staff is told by that: what is none has no role here.
    asked = courses if settings.knows_staff else ()
    of_staff = {course: staff.roles(client, course) for course in asked}
    return [
        _told(completion, proofs[key], learners, courses, of_staff)
        for completion, key in zip(batch, keys, strict=True)
    ]


def _proofs(client: MoodleClient, keys: Collection[_Key]) -> Mapping[_Key, _Found]:
    proofs = {key: _proof(client, *key) for key in keys}
    raise_if_all_denied(proofs.values())
    completed: dict[str, list[str]] = {}
    for (course, learner), proof in proofs.items():
        if isinstance(proof, _Proof):
            completed.setdefault(course, []).append(learner)
    for course, learners in completed.items():
        for learner, told in reports(client, course, learners).items():
            proofs[course, learner] = _graded(proofs[course, learner], told)
    raise_if_all_denied(proofs.values())
    return proofs


def _proof(client: MoodleClient, course_id: str, learner_id: str) -> _Found:
    try:
        completed_at = _completed_at(client, course_id, learner_id)
    except Refusal as refusal:
        if refusal.kind is Kind.SITE:
            raise
        return refusal
    return completed_at if isinstance(completed_at, Problem) else _Proof(completed_at=completed_at)


def _graded(proof: _Found, told: Report | Refusal) -> _Found:
    # A refusal here must not read as "has no grade": a mapping may ask for a pass mark only where
    # there is a grade.
    if isinstance(told, Refusal) or not isinstance(proof, _Proof):
        return told if isinstance(told, Refusal) else proof
    return dataclasses.replace(proof, grade=course_grade(told.items))


def _completed_at(
    client: MoodleClient, course_id: str, learner_id: str
) -> datetime | Problem | None:
    """The latest criterion's time: the event's own is when it fired, perhaps long after."""
    status = client.call(STATUS, courseid=course_id, userid=learner_id)["completionstatus"]
    if not status["completed"].boolean():
        return Problem(
            problem=f"Moodle says that learner {learner_id} has not completed course {course_id}.",
            remedy="If the completion was reset, wait: Moodle tells us when the course is "
            "completed again. Otherwise look at the course's completion report, then replay.",
            uncompleted=True,
            code="not_completed",
        )
    told = (criterion.get("timecompleted") for criterion in status["completions"].items())
    return max((time.unix_time() for time in told if time and time.value), default=None)


def _told(
    completion: Completion,
    proof: _Found,
    learners: Mapping[str, Learner],
    courses: Mapping[str, Course],
    of_staff: Mapping[str, Mapping[str, str]],
) -> Completion | Problem:
    if isinstance(proof, Refusal):
        return problem_of(proof)
    if isinstance(proof, Problem):
        return proof
    learner, course = learners.get(completion.learner.id), courses.get(completion.course.id)
    if learner is None or course is None:
        return _unseen(completion, learner)
    return dataclasses.replace(
        completion,
        learner=learner,
        course=course,
        completed_at=proof.completed_at,
        grade=proof.grade,
        role=of_staff.get(course.id, {}).get(learner.id),
    )


def _unseen(completion: Completion, learner: Learner | None) -> Problem:
    if learner is None:
        return Problem(
            problem=f"Moodle does not show learner {completion.learner.id} to the service user.",
            remedy=f"If the account still exists: {grant('moodle/user:viewdetails')}",
            code="learner_hidden",
        )
    return Problem(
        problem=f"Moodle does not show course {completion.course.id} to the service user.",
        remedy=f"If the course still exists, show it, or: "
        f"{grant('moodle/course:view', 'moodle/course:viewhiddencourses')}",
        code="course_hidden",
    )


def _invisible() -> Refusal:
    return Refusal("core_user_get_users_by_field", "nopermissions", "no user was shown")
