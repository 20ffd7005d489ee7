"""Courses: found by a field, and filled from a template."""

from __future__ import annotations

import json
import sqlite3
from html import escape
from typing import Any

from campus.errors import refuse
from campus.functions.lookup import course_row
from campus.moodle import Moodle
from campus.people import TEACHER

SEARCHES = {
    "": "select * from course where ? is not null",
    "id": "select * from course where cast(id as text) = ?",
    "ids": "select * from course where id in (select value from json_each(?))",
    "shortname": "select * from course where shortname = ?",
    "idnumber": "select * from course where idnumber = ?",
}
#: What Moodle's importer can leave out.
IMPORTED = frozenset({"activities", "blocks", "filters"})


def get_courses_by_field(moodle: Moodle, params: dict[str, Any]) -> dict[str, Any]:
    """Return the courses found; needs no right, and an unknown course is no error.

    Names come HTML-escaped.
    """
    field, value = params["field"], params["value"]
    if field not in SEARCHES:
        raise refuse("invalidparameter")
    found = moodle.state.rows(SEARCHES[field], _ids(value) if field == "ids" else value)
    hidden_too = moodle.can("moodle/course:viewhiddencourses")
    return {
        "courses": [_course(moodle, row) for row in found if row["visible"] or hidden_too],
        "warnings": [],
    }


def import_course(moodle: Moodle, params: dict[str, Any]) -> None:
    """Copy one course's assignments into another, once more with every call."""
    source = course_row(moodle, params["importfrom"])
    target = course_row(moodle, params["importto"])
    options = {option["name"]: option["value"] for option in params["options"]}
    if options.keys() - IMPORTED:
        raise refuse("invalidparameter")
    if params["deletecontent"]:
        moodle.state.write("delete from assignment where course = ?", target["id"])
    if options.get("activities", "1") == "1":
        for row in moodle.state.rows(
            "select * from assignment where course = ? order by id", source["id"]
        ):
            _copy(moodle, row, target["id"])


def _copy(moodle: Moodle, row: sqlite3.Row, target: int) -> None:
    # Moodle keeps an idnumber unique within a course: a second copy has none.
    taken = moodle.state.one(
        "select 1 from assignment where course = ? and idnumber = ?", target, row["idnumber"]
    )
    moodle.state.write(
        "insert into assignment (course, name, idnumber, intro, maximum, nosubmissions, comments,"
        " workflow, modified) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(target, row["name"], "" if taken else row["idnumber"], row["intro"], row["maximum"]),
        *(row["nosubmissions"], row["comments"], row["workflow"], moodle.time()),
    )


def _ids(value: str) -> str:
    try:
        return json.dumps([int(part) for part in value.split(",")])
    except ValueError:
        raise refuse("invalidparameter") from None


def _course(moodle: Moodle, row: sqlite3.Row) -> dict[str, Any]:
    fullname = escape(row["fullname"], quote=False)
    return {
        "id": row["id"],
        "fullname": fullname,
        "displayname": fullname,
        "shortname": escape(row["shortname"], quote=False),
        "courseimage": f"{moodle.settings.wwwroot}/pluginfile.php/{row['id']}/course/course.svg",
        "categoryid": 1,
        "categoryname": "Category 1",
        "sortorder": 10000 + row["id"],
        "summary": "<p>Certificate course.</p>",
        "summaryformat": 1,
        "summaryfiles": [],
        "overviewfiles": [],
        "showactivitydates": False,
        "showcompletionconditions": True,
        "contacts": [{"id": TEACHER, "fullname": "Tess Teacher"}],
        "enrollmentmethods": ["manual"],
        "format": "topics",
        "showgrades": 1,
        "newsitems": 0,
        "startdate": row["modified"],
        "enddate": 0,
        "maxbytes": 0,
        "showreports": 0,
        "visible": row["visible"],
        "groupmode": 0,
        "groupmodeforce": 0,
        "defaultgroupingid": 0,
        "enablecompletion": 1,
        "completionnotify": 0,
        "lang": "",
        "theme": "",
        "marker": 0,
        "filters": [],
        "courseformatoptions": [],
    }
