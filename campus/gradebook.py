"""A learner's row in a course's gradebook: items, grades and feedback, as the reports give them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from campus.moodle import Moodle

#: Items, course modules and assignments are numbered apart, so that a mix-up is noticed.
ITEM_OFFSET, CMID_OFFSET, COURSE_ITEM_OFFSET = 300, 500, 1_000_000
NO_FEEDBACK = {"feedback": "", "feedbackformat": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The final grade: points of how many. No points: nothing is graded yet."""

    points: float | None
    maximum: float


def number(value: float) -> int | float:
    """A number as PHP's json_encode prints it: whole ones without a fraction."""
    return int(value) if value == int(value) else value


def cells(moodle: Moodle, course: int, person: int) -> list[sqlite3.Row]:
    """Return every visible assignment of a course with what the gradebook holds for a person."""
    return moodle.state.rows(
        "select assignment.*, gradebook.grade, gradebook.feedback, gradebook.format,"
        " gradebook.graded, override.person is not null as overridden"
        " from assignment left join gradebook"
        " on gradebook.assignment = assignment.id and gradebook.person = ?1"
        " left join override on override.assignment = assignment.id and override.person = ?1"
        " where course = ?2 and hidden = 0 order by assignment.id",
        *(person, course),
    )


def overridden(moodle: Moodle, assignment: int, person: int) -> bool:
    """Whether a teacher has changed this cell in the gradebook itself."""
    where = "assignment = ? and person = ?"
    found = moodle.state.one(f"select 1 from override where {where}", assignment, person)  # noqa: S608
    return found is not None


def total(moodle: Moodle, course: int, person: int) -> Total:
    """Return the course total: the graded assignments added up, empty ones left out."""
    graded = [cell for cell in cells(moodle, course, person) if cell["maximum"]]
    counted = [cell for cell in graded if cell["grade"] is not None]
    return Total(
        points=sum(cell["grade"] for cell in counted) if counted else None,
        maximum=sum(cell["maximum"] for cell in counted or graded) or 100,
    )


def items(moodle: Moodle, course: int, person: int) -> list[dict[str, Any]]:
    """Return the grade items of gradereport_user_get_grade_items, the course total last.

    Keys that do not apply are left out, not null: ``cmid`` of the course item, weights where
    nothing was ever stored.
    """
    sum_of_grades = total(moodle, course, person)
    found = [_assignment_item(row, sum_of_grades) for row in cells(moodle, course, person)]
    return [*found, _course_item(course, sum_of_grades)]


def _assignment_item(row: sqlite3.Row, sum_of_grades: Total) -> dict[str, Any]:
    return {
        "id": ITEM_OFFSET + row["id"],
        "itemname": row["name"],
        "itemtype": "mod",
        "itemmodule": "assign",
        "iteminstance": row["id"],
        "itemnumber": 0,
        "idnumber": row["idnumber"],
        **_PLACE,
        "cmid": cmid(row["id"]),
        **_weight(row, sum_of_grades),
        **_grade(row["grade"], row["maximum"], row["graded"]),
        "gradeisoverridden": bool(row["overridden"]),
        **_feedback(row),
    }


def _course_item(course: int, sum_of_grades: Total) -> dict[str, Any]:
    return {
        "id": COURSE_ITEM_OFFSET + course,
        "itemname": None,
        "itemtype": "course",
        "itemmodule": None,
        "iteminstance": course,
        "itemnumber": None,
        "idnumber": None,
        **_PLACE,
        "categoryid": None,
        **_grade(sum_of_grades.points, sum_of_grades.maximum, None),
        **NO_FEEDBACK,
    }


_PLACE = {"categoryid": 1, "outcomeid": None, "scaleid": None, "locked": False}


def cmid(assignment: int) -> int:
    """The course module of an assignment."""
    return CMID_OFFSET + assignment


def _weight(row: sqlite3.Row, sum_of_grades: Total) -> dict[str, Any]:
    if row["feedback"] is None:
        return {}
    share = row["maximum"] / sum_of_grades.maximum if row["grade"] is not None else 0
    return {"weightraw": number(share), "weightformatted": f"{share * 100:.2f} %"}


def _grade(points: float | None, maximum: float, graded: int | None) -> dict[str, Any]:
    nothing = "-" if maximum else ""
    return {
        "graderaw": None if points is None else number(points),
        "gradedatesubmitted": None,
        "gradedategraded": graded,
        "gradehiddenbydate": False,
        "gradeneedsupdate": False,
        "gradeishidden": False,
        "gradeislocked": False,
        "gradeisoverridden": False,
        "gradeformatted": nothing if points is None else f"{points:.2f}",
        "grademin": 0,
        "grademax": number(maximum) or 100,
        "rangeformatted": f"0&ndash;{number(maximum)}" if maximum else "&ndash;",
        "percentageformatted": nothing if points is None else f"{points / maximum * 100:.2f} %",
    }


def _feedback(row: sqlite3.Row) -> dict[str, Any]:
    if row["feedback"] is None:
        return NO_FEEDBACK
    return {"feedback": row["feedback"], "feedbackformat": row["format"]}
