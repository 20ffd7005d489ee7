"""The assignment module: listing, reading and saving."""

from __future__ import annotations

import sqlite3
from html import escape
from typing import Any

from campus import marks
from campus.errors import MoodleError, refuse
from campus.functions.lookup import course_row
from campus.gradebook import cmid
from campus.moodle import Moodle

NOT_ENROLLED = "User is not enrolled or does not have requested capability"
NO_RIGHTS = "No access rights in course context "
CONFIGS = (
    # plug-in, its type, setting, value: None stands for whether comments are on
    ("comments", "assignsubmission", "enabled", "0"),
    ("comments", "assignfeedback", "enabled", None),
    ("comments", "assignfeedback", "commentinline", "0"),
)
#: Settings that are all 0, in the order of the answer.
ZERO_BEFORE_GRADE = (
    "submissiondrafts",
    "sendnotifications",
    "sendlatenotifications",
    "sendstudentnotifications",
    "duedate",
    "allowsubmissionsfromdate",
)
ZERO_AFTER_GRADE = (
    "completionsubmit",
    "cutoffdate",
    "gradingduedate",
    "teamsubmission",
    "requireallteammemberssubmit",
    "teamsubmissiongroupingid",
    "blindmarking",
    "hidegrader",
    "revealidentities",
)
ZERO_AFTER_WORKFLOW = (
    "markingallocation",
    "markinganonymous",
    "requiresubmissionstatement",
    "preventsubmissionnotingroup",
)


def get_assignments(moodle: Moodle, params: dict[str, Any]) -> dict[str, Any]:
    """Return courses with their assignments.

    The service user is enrolled nowhere: without ``includenotenrolledcourses`` every course is a
    warning, and no course asked for is an empty list.
    """
    courses: list[dict[str, Any]] = []
    warnings: list[dict[str, Any]] = []
    for course in params["courseids"]:
        if not params["includenotenrolledcourses"]:
            warnings.append(_warning(course, "2", NOT_ENROLLED))
            continue
        try:
            courses.append(_course(moodle, course))
        except MoodleError as error:
            warnings.append(_warning(course, "1", f"{NO_RIGHTS}{error.message}"))
    return {"courses": courses, "warnings": warnings}


def get_grades(moodle: Moodle, params: dict[str, Any]) -> dict[str, Any]:
    """Return the grades that the assignments hold; one without any is a warning."""
    found, warnings = [], []
    for assignment in params["assignmentids"]:
        rows = moodle.state.rows(
            "select * from mark where assignment = ? and modified >= ? order by id",
            *(assignment, params["since"]),
        )
        if rows and moodle.can("mod/assign:viewgrades"):
            found.append({"assignmentid": assignment, "grades": [_mark(row) for row in rows]})
        else:
            warnings.append(
                {
                    "item": "assignment",
                    "itemid": assignment,
                    "warningcode": "3",
                    "message": "No grades found",
                }
            )
    return {"assignments": found, "warnings": warnings}


def save_grade(moodle: Moodle, params: dict[str, Any]) -> None:
    """Save one learner's grade; null for anybody, enrolled or not, known or not."""
    _save(moodle, marks.find_assignment(moodle, params["assignmentid"]), params)


def save_grades(moodle: Moodle, params: dict[str, Any]) -> None:
    """Save the grades of several learners, one after the other; null whatever became of each."""
    assignment = marks.find_assignment(moodle, params["assignmentid"])
    for grade in params["grades"]:
        _save(moodle, assignment, grade)


def _save(moodle: Moodle, assignment: sqlite3.Row, grade: dict[str, Any]) -> None:
    editor = grade["plugindata"].get("assignfeedbackcomments_editor")
    marks.save(
        moodle,
        assignment,
        grade["userid"],
        grade=grade["grade"],
        comment=marks.Comment(text=editor["text"], format=editor["format"]) if editor else None,
        workflowstate=grade["workflowstate"],
    )


def _course(moodle: Moodle, course: int) -> dict[str, Any]:
    row = course_row(moodle, course)
    if not moodle.can("moodle/course:view"):
        raise refuse("requireloginerror")
    assignments = moodle.state.rows(
        "select * from assignment where course = ? and ? order by id",
        *(course, moodle.can("mod/assign:view")),
    )
    return {
        "id": row["id"],
        "fullname": escape(row["fullname"], quote=False),
        "shortname": escape(row["shortname"], quote=False),
        "timemodified": row["modified"],
        "assignments": [_assignment(found) for found in assignments],
    }


def _assignment(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "cmid": cmid(row["id"]),
        "course": row["course"],
        "name": row["name"],
        "nosubmissions": row["nosubmissions"],
        **dict.fromkeys(ZERO_BEFORE_GRADE, 0),
        "grade": row["maximum"],
        "timemodified": row["modified"],
        **dict.fromkeys(ZERO_AFTER_GRADE, 0),
        "attemptreopenmethod": "untilpass",
        "maxattempts": 1,
        "markingworkflow": row["workflow"],
        **dict.fromkeys(ZERO_AFTER_WORKFLOW, 0),
        "configs": [_config(row, *config) for config in CONFIGS],
        "intro": row["intro"],
        "introformat": 1,
        "introfiles": [],
        "introattachments": [],
        "timelimit": 0,
        "submissionattachments": 0,
    }


def _config(
    row: sqlite3.Row, plugin: str, subtype: str, name: str, value: str | None
) -> dict[str, str]:
    told = str(row["comments"]) if value is None else value
    return {"plugin": plugin, "subtype": subtype, "name": name, "value": told}


def _mark(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "userid": row["person"],
        "attemptnumber": 0,
        "timecreated": row["created"],
        "timemodified": row["modified"],
        "grader": row["grader"],
        "grade": f"{row['grade']:.5f}",
    }


def _warning(course: int, code: str, message: str) -> dict[str, Any]:
    return {"item": "course", "itemid": course, "warningcode": code, "message": message}
