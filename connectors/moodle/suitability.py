"""Whether an assignment may be written to: what must hold, or a write-back does harm or is lost.

Observed on Moodle 4.5.6: mod_assign_save_grades answers null in each of these cases.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

from connectors.base import Problem
from connectors.moodle.client import MoodleClient, batches
from connectors.moodle.errors import grant
from connectors.wild import Wild


def _has_comments(assignment: Wild) -> bool:
    wanted = {"plugin": "comments", "subtype": "assignfeedback", "name": "enabled", "value": "1"}
    return any(config.object() == wanted for config in assignment["configs"].items())


#: What must hold; what is said, what to do, and the code where it does not. Tried in this order.
_DEMANDS: Sequence[tuple[Callable[[Wild], bool], str, str, str]] = (
    (
        lambda a: a["grade"].integer() == 0,
        "gives grades: a write-back would erase the teacher's grade and comment",
        (
            "Set its Grade type to None (Edit settings → Grade), or give its ID number to another "
            "assignment."
        ),
        "gives_grades",
    ),
    (
        lambda a: a["nosubmissions"].integer() == 1,
        "takes submissions",
        "Untick all its Submission types, or give its ID number to another assignment.",
        "takes_submissions",
    ),
    (
        _has_comments,
        "takes no feedback comments: what is written would be lost",
        "Tick Feedback comments in its Feedback types.",
        "takes_no_comments",
    ),
    (
        lambda a: a["markingworkflow"].integer() == 0,
        "uses marking workflow: what is written would not be released",
        "Set Use marking workflow to No in its Grade settings.",
        "marking_workflow",
    ),
)


def flaws(client: MoodleClient, assigned: Mapping[str, str]) -> Mapping[str, Problem | None]:
    """For each course and its assignment's id, what speaks against it. One call a hundred."""
    told = {
        assignment["id"].identifier(): assignment
        for found in assignments_of(client, list(assigned)).values()
        for assignment in found
    }
    return {course: _flaw(course, one, told.get(one)) for course, one in assigned.items()}


def assignments_of(client: MoodleClient, course_ids: Sequence[str]) -> Mapping[str, Sequence[Wild]]:
    """Each course's assignments, as Moodle tells them; courses it does not show are left out."""
    found: dict[str, Sequence[Wild]] = {}
    for batch in batches(course_ids):
        answer = client.call(
            "mod_assign_get_assignments",
            courseids=batch,
            includenotenrolledcourses=True,  # else an empty list and a warning
        )
        for course in answer["courses"].items():
            found[course["id"].identifier()] = list(course["assignments"].items())
    return found


def _flaw(course_id: str, assignment_id: str, told: Wild | None) -> Problem | None:
    if told is None:
        return Problem(
            problem=f"Moodle does not show assignment {assignment_id} of course {course_id} to "
            "the service user.",
            remedy=grant("mod/assign:view"),
            code="assignment_hidden",
        )
    for holds, problem, remedy, code in _DEMANDS:
        if not holds(told):
            name = html.unescape(told["name"].text())
            return Problem(
                problem=f"The assignment “{name}” of course {course_id} {problem}.",
                remedy=remedy,
                code=code,
            )
    return None
