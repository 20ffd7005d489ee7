"""core_reportbuilder_retrieve_report: the two custom reports of completions, cell by cell.

Source: captured on Moodle 4.5.6, data source "Course participants". It lists whoever is enrolled,
suspended enrolments too, and leaves out who is not; times are texts in the service user's
language and zone, to the minute.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from campus.errors import refuse
from campus.functions.users import plain
from campus.moodle import Moodle
from campus.people import ADMIN

ALL, RECENT = 1, 2
DAY_S = 86_400
#: Moodle's numbers for "is yes", "in the last …" and "days" (reportbuilder's filters).
IS_YES, IN_THE_LAST, DAYS = 1, 4, 1
#: When the two reports were made at the recorded site.
CREATED, MODIFIED = {ALL: 1795418601, RECENT: 1795418646}, {ALL: 1795418601, RECENT: 1795418647}
NAMES = {ALL: "Certificate bridge: completions", RECENT: "Certificate bridge: completed recently"}

_LISTED = (
    " from enrolment join person on person.id = enrolment.person"
    " join course on course.id = enrolment.course left join completion on"
    " completion.person = person.id and completion.course = course.id"
    " where not person.deleted and ifnull(completed, 0) >= ?"
)
_COUNT = f"select count(*) as total{_LISTED}"
_ROWS = (
    "select person.*, course.id as course_id, course.shortname, course.idnumber as course_number,"
    f" completion.completed{_LISTED} order by "
)
_PAGE = {
    ALL: f"{_ROWS} completed is null, completed, course.id, person.id limit ? offset ?",
    RECENT: f"{_ROWS} person.id, course.id limit ? offset ?",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its heading in English, and a row's cell."""

    heading: str
    cell: Callable[[Moodle, sqlite3.Row], str]


def _escaped(name: str) -> Callable[[Moodle, sqlite3.Row], str]:
    # PHP writes the apostrophe with a decimal number of three digits.
    return lambda _, row: escape(plain(row[name])).replace("&#x27;", "&#039;")


def _moment(seconds: int | None) -> str:
    """A time as Moodle prints it in English, in UTC; nothing for none."""
    if not seconds:
        return ""
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    hour = moment.hour % 12 or 12
    return f"{moment:%A}, {moment.day} {moment:%B %Y}, {hour}:{moment:%M} {moment:%p}"


def _user_link(moodle: Moodle, row: sqlite3.Row) -> str:
    name = f"{plain(row['firstname'])} {plain(row['lastname'])}"
    return f'<a href="{moodle.settings.wwwroot}/user/profile.php?id={row["id"]}">{name}</a>'


def _course_link(moodle: Moodle, row: sqlite3.Row) -> str:
    address = f"{moodle.settings.wwwroot}/course/view.php?id={row['course_id']}"
    return f'<a href="{address}">{escape(row["shortname"])}</a>'


COLUMNS: Mapping[str, Column] = {
    "username": Column("Username", _escaped("username")),
    "idnumber": Column("ID number", _escaped("idnumber")),
    "email": Column("Email address", _escaped("email")),
    "firstname": Column("First name", _escaped("firstname")),
    "lastname": Column("Last name", _escaped("lastname")),
    "course_number": Column("Course ID number", _escaped("course_number")),
    "course": Column("Course short name", _escaped("shortname")),
    "completed": Column("Completed", lambda _, row: "Yes" if row["completed"] else "No"),
    "time": Column("Time completed", lambda _, row: _moment(row["completed"])),
    "user_link": Column("Full name with link", _user_link),
    "course_link": Column("Course short name with link", _course_link),
}
REPORTS: Mapping[int, tuple[str, ...]] = {
    ALL: tuple(COLUMNS),
    RECENT: (
        *("user_link", "username", "idnumber", "email"),
        *("course_link", "course_number", "time"),
    ),
}


def retrieve_report(moodle: Moodle, params: dict[str, Any]) -> dict[str, Any]:
    """Return one page of a report. Raises invalidrecord, or errorreportview."""
    report = params["reportid"]
    if report not in REPORTS:
        raise refuse("invalidrecord", table="reportbuilder_report")
    if not moodle.switches.audience:
        raise refuse("errorreportview")
    page, size = params["page"], params["perpage"]
    columns = [COLUMNS[name] for name in REPORTS[report]]
    earliest = moodle.time() - moodle.switches.report_days * DAY_S if report == RECENT else 0
    found = moodle.state.rows(_PAGE[report], earliest, size, page * size)
    rows = [{"columns": [column.cell(moodle, row) for column in columns]} for row in found]
    return {
        "details": _details(moodle, report),
        "data": {
            "headers": [column.heading for column in columns],
            "rows": rows,
            "totalrowcount": moodle.state.rows(_COUNT, earliest)[0]["total"],
        },
        "warnings": [],
    }


def _details(moodle: Moodle, report: int) -> dict[str, Any]:
    conditions = {
        "completion:completed_operator": IS_YES,
        "completion:timecompleted_operator": IN_THE_LAST,
        "completion:timecompleted_value": moodle.switches.report_days,
        "completion:timecompleted_unit": DAYS,
    }
    return {
        "name": NAMES[report],
        "source": "core_course\\reportbuilder\\datasource\\participants",
        "type": 0,
        "uniquerows": True,
        "conditiondata": (
            json.dumps(conditions, separators=(",", ":")) if report == RECENT else None
        ),
        "settingsdata": None,
        "contextid": 1,
        "component": "",
        "area": "",
        "itemid": 0,
        "usercreated": ADMIN,
        "id": report,
        "timecreated": CREATED[report],
        "timemodified": MODIFIED[report],
        "usermodified": ADMIN,
        "sourcename": "Course participants",
        "tags": [],
        "modifiedby": _modifier(moodle),
    }


def _modifier(moodle: Moodle) -> dict[str, Any]:
    root = moodle.settings.wwwroot
    picture = f"{root}/theme/image.php/boost/core/1795417829/u"
    return {
        "id": ADMIN,
        "email": "admin@example.test",
        "idnumber": "",
        "phone1": "",
        "phone2": "",
        "department": "",
        "institution": "",
        "fullname": "Admin User",
        "identity": "admin@example.test, admin",
        "profileurl": f"{root}/user/profile.php?id={ADMIN}",
        "profileimageurl": f"{picture}/f1",
        "profileimageurlsmall": f"{picture}/f2",
    }
