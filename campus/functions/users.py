"""Users: by field, and by course."""

from __future__ import annotations

import json
import re
import sqlite3
from html import escape
from typing import Any

from campus.errors import refuse
from campus.functions.lookup import course_row
from campus.moodle import Moodle

#: A search by username finds nothing unless the caller may see usernames.
SEARCHES = {
    "id": "select * from person where cast(id as text) in (select value from json_each(?))"
    " order by id",
    "email": "select * from person where email in (select value from json_each(?))"
    " and not deleted order by id",
    "idnumber": "select * from person where idnumber in (select value from json_each(?))"
    " and idnumber <> '' order by id",
    "username": "select * from person where 0 and username in (select value from json_each(?))",
}
ROLES = {"student": 5, "editingteacher": 3}
_TAG = re.compile(r"<[^>]*>")


def get_users_by_field(moodle: Moodle, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Return whom the values name; who is unknown or invisible is silently not among them."""
    if params["field"] not in SEARCHES:
        raise refuse("invalidparameter")
    if not moodle.can("moodle/user:viewdetails"):
        return []
    found = moodle.state.rows(SEARCHES[params["field"]], json.dumps(params["values"]))
    return [
        {
            **describe(moodle, row),
            **_details(moodle, row),
            **({"country": row["country"]} if row["country"] else {}),
            **_pictures(moodle),
        }
        for row in found
    ]


def get_enrolled_users(moodle: Moodle, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a course's people, cut down to ``userfields`` and paged where asked.

    Without moodle/user:viewdetails nearly everyone is silently missing.
    """
    options = {option["name"]: option["value"] for option in params["options"]}
    course = course_row(moodle, params["courseid"])
    if options.get("onlyactive") == "1":
        _require_review(moodle)
    if marked := options.get("withcapability"):
        _require_role_review(moodle)
    first, most = int(options.get("limitfrom", 0)), int(options.get("limitnumber", 0))
    people = moodle.state.rows(
        "select person.*, enrolment.role from enrolment join person on person.id = person"
        " where course = ? and not deleted and (suspended = 0 or ?)"
        " and (? or enrolment.role <> 'student') order by person.id limit ? offset ?",
        *(course["id"], options.get("onlyactive") != "1", not marked, most or -1, first),
    )
    if not moodle.can("moodle/user:viewdetails"):
        people = people[:1]
    fields = set(filter(None, options.get("userfields", "").split(",")))
    return [_trimmed(_enrolled(moodle, row), fields) for row in people]


def plain(name: str) -> str:
    """A name as Moodle prints it: what looks like a tag is gone, nothing is escaped."""
    return _TAG.sub("", name)


def describe(moodle: Moodle, row: sqlite3.Row) -> dict[str, Any]:
    """What every answer says of a user; keys without a value are left out."""
    identity = {"email": row["email"], "idnumber": row["idnumber"]}
    if not moodle.can("moodle/site:viewuseridentity"):
        identity = {}
    first, last = plain(row["firstname"]), plain(row["lastname"])
    return {
        "id": row["id"],
        "firstname": first,
        "lastname": last,
        "fullname": f"{first} {last}",
        **{key: value for key, value in identity.items() if value},
        "firstaccess": 0,
        "lastaccess": 0,
    }


def _details(moodle: Moodle, row: sqlite3.Row) -> dict[str, Any]:
    # The language is told to nobody but holders of this right (user/lib.php); the minimal role
    # does not have it.
    more = {"lang": row["lang"]} if moodle.can("moodle/user:viewalldetails") else {}
    return {"suspended": False, **more, "timezone": "99"}


def _pictures(moodle: Moodle) -> dict[str, str]:
    base = f"{moodle.settings.wwwroot}/theme/image.php/boost/core/1/u"
    return {"profileimageurlsmall": f"{base}/f2", "profileimageurl": f"{base}/f1"}


def _enrolled(moodle: Moodle, row: sqlite3.Row) -> dict[str, Any]:
    courses = moodle.state.rows(
        "select course.* from enrolment join course on course.id = course where person = ?"
        " and visible order by course.id desc",
        row["id"],
    )
    return {
        **describe(moodle, row),
        "lastcourseaccess": 0,
        **({"country": row["country"]} if row["country"] else {}),
        **_pictures(moodle),
        "roles": [
            {"roleid": ROLES[row["role"]], "name": "", "shortname": row["role"], "sortorder": 0}
        ],
        "enrolledcourses": [
            {
                "id": course["id"],
                "fullname": escape(course["fullname"], quote=False),
                "shortname": course["shortname"],
            }
            for course in courses
        ],
    }


def _trimmed(user: dict[str, Any], fields: set[str]) -> dict[str, Any]:
    if not fields:
        return user
    return {key: user[key] for key in user if key in fields | {"id", "fullname"}}


def _require_role_review(moodle: Moodle) -> None:
    if not moodle.can("moodle/role:review"):
        raise refuse("nopermissions", what="Review permissions for others")


def _require_review(moodle: Moodle) -> None:
    if not moodle.can("moodle/course:enrolreview"):
        raise refuse("nopermissions", what="Review course enrolments")
