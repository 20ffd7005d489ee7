"""Finding courses and users, and the errors Moodle gives where they are not."""

from __future__ import annotations

import sqlite3

from campus.errors import refuse
from campus.moodle import Moodle


def course_row(moodle: Moodle, course: int) -> sqlite3.Row:
    """Return a course. Raises invalidrecord, or requireloginerror for a hidden one."""
    row = moodle.state.one("select * from course where id = ?", course)
    if row is None:
        raise refuse("invalidrecord", table="course")
    if not row["visible"] and not moodle.can("moodle/course:viewhiddencourses"):
        raise refuse("requireloginerror")
    return row


def person_row(moodle: Moodle, person: int) -> sqlite3.Row:
    """Return a user. Raises invaliduser, or userdeleted."""
    row = moodle.state.one("select * from person where id = ?", person)
    if row is None:
        raise refuse("invaliduser")
    if row["deleted"]:
        raise refuse("userdeleted")
    return row
