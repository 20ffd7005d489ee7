"""Saving a grade and a comment in an assignment, with every trap that Moodle lays there.

Source: observed on Moodle 4.5.6: mod_assign_save_grade answers null whatever became of it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from campus.completion import is_enrolled
from campus.errors import refuse
from campus.gradebook import overridden
from campus.moodle import Moodle
from campus.people import SERVICE_USER

RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A feedback comment: its text as it was sent, and Moodle's number for its format."""

    text: str
    format: int


def find_assignment(moodle: Moodle, assignment: int) -> sqlite3.Row:
    """Return the assignment with this instance id. Raises MoodleError(invalidrecord)."""
    row = moodle.state.one("select * from assignment where id = ?", assignment)
    if row is None:
        raise refuse("invalidrecord", table="assign")
    return row


def save(
    moodle: Moodle,
    assignment: sqlite3.Row,
    person: int,
    *,
    grade: float,
    comment: Comment | None,
    workflowstate: str = "",
) -> None:
    """Save one learner's grade and comment; says nothing if it does not reach the gradebook.

    Raises MoodleError(dmlwriteexception) without a comment, or where two first saves collide.
    """
    if comment is None:
        raise refuse("dmlwriteexception")
    before = _mark(moodle, assignment["id"], person)
    if before is None:
        _first_save(moodle, assignment, person, grade, comment)
    else:
        _store(moodle, assignment, person, grade, comment)
    if is_enrolled(moodle, assignment["course"], person):
        open_ = _reaches_gradebook(assignment, workflowstate)
        kept = overridden(moodle, assignment["id"], person)
        if open_ and not kept and _differs(before, grade, comment):
            _publish(moodle, assignment, person, grade, comment)
        _notify(moodle, assignment, person)


def _mark(moodle: Moodle, assignment: int, person: int) -> sqlite3.Row | None:
    return moodle.state.one(
        "select * from mark where assignment = ? and person = ?", assignment, person
    )


def _first_save(
    moodle: Moodle, assignment: sqlite3.Row, person: int, grade: float, comment: Comment
) -> None:
    key = (assignment["id"], person)
    if not moodle.begin_first_save(key):
        raise refuse("dmlwriteexception")
    try:
        moodle.dawdle()
        _store(moodle, assignment, person, grade, comment)
    finally:
        moodle.first_saves.discard(key)


def _store(
    moodle: Moodle, assignment: sqlite3.Row, person: int, grade: float, comment: Comment
) -> None:
    text = comment.text if assignment["comments"] else ""
    now = moodle.time()
    moodle.state.write(
        "insert into mark (assignment, person, grade, comment, format, created, modified, grader)"
        " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (assignment, person) do update set"
        " grade = excluded.grade, comment = excluded.comment, format = excluded.format,"
        " modified = excluded.modified, grader = excluded.grader",
        *(assignment["id"], person, grade, text, comment.format, now, now, SERVICE_USER),
    )


def _reaches_gradebook(assignment: sqlite3.Row, workflowstate: str) -> bool:
    if assignment["locked"] or not assignment["comments"]:
        return False
    return not assignment["workflow"] or workflowstate == RELEASED


def _differs(before: sqlite3.Row | None, grade: float, comment: Comment) -> bool:
    # Compared with the assignment's own copy: what a lock kept out of the gradebook once does not
    # get there by being sent again.
    if before is None:
        return True
    return (before["grade"], before["comment"], before["format"]) != (
        grade,
        comment.text,
        comment.format,
    )


def _publish(
    moodle: Moodle, assignment: sqlite3.Row, person: int, grade: float, comment: Comment
) -> None:
    # -1 is "no grade": in a graded assignment it takes the teacher's grade away.
    value = grade if assignment["maximum"] and grade >= 0 else None
    moodle.state.write(
        "insert or replace into gradebook values (?, ?, ?, ?, ?, ?)",
        *(assignment["id"], person, value, comment.text, comment.format, moodle.time()),
    )


def _notify(moodle: Moodle, assignment: sqlite3.Row, person: int) -> None:
    # Every save mails the learner, of an identical text too; there is no switch for it.
    moodle.state.write(
        "insert into mail (at, course, person, subject) values (?, ?, ?, ?)",
        *(moodle.time(), assignment["course"], person),
        f"Certificate Bridge has given feedback for assignment {assignment['name']}",
    )
