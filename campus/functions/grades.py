"""The grade reports: one learner's items in a course, one learner's final grades."""

from __future__ import annotations

import sqlite3
from typing import Any

from campus import gradebook
from campus.functions.lookup import course_row, person_row
from campus.functions.users import plain
from campus.moodle import Moodle


def get_grade_items(moodle: Moodle, params: dict[str, Any]) -> dict[str, Any]:
    """Return a user's grade items, feedback raw; user 0 is everyone enrolled as a student.

    Someone who is not enrolled (any more) is answered too.
    """
    course = course_row(moodle, params["courseid"])
    if params["userid"]:
        people = [person_row(moodle, params["userid"])]
    else:
        people = moodle.state.rows(
            "select person.* from enrolment join person on person.id = person where course = ?"
            " and role = 'student' and not deleted and suspended = 0 order by person.id",
            course["id"],
        )
    return {"usergrades": [_usergrade(moodle, course, row) for row in people], "warnings": []}


def _usergrade(moodle: Moodle, course: sqlite3.Row, person: sqlite3.Row) -> dict[str, Any]:
    return {
        "courseid": course["id"],
        "courseidnumber": course["idnumber"],
        "userid": person["id"],
        "userfullname": f"{plain(person['firstname'])} {plain(person['lastname'])}",
        "useridnumber": person["idnumber"],
        "maxdepth": 2,
        "gradeitems": gradebook.items(moodle, course["id"], person["id"]),
    }


def get_course_grades(moodle: Moodle, params: dict[str, Any]) -> dict[str, Any]:
    """Return a user's final grade in each course, the newest course first."""
    person = person_row(moodle, params["userid"])
    courses = moodle.state.rows(
        "select course from enrolment join course on course.id = course"
        " where person = ? and visible order by course desc",
        person["id"],
    )
    return {
        "grades": [_final(moodle, row["course"], person["id"]) for row in courses],
        "warnings": [],
    }


def _final(moodle: Moodle, course: int, person: int) -> dict[str, Any]:
    points = gradebook.total(moodle, course, person).points
    return {
        "courseid": course,
        "grade": "-" if points is None else f"{points:.2f}",
        "rawgrade": None if points is None else f"{points:.5f}",
    }
