"""What a teacher does in the gradebook: comments, grades, overrides, a reset, a new assignment.

Source: Moodle's own code (lib/grade/grade_item.php, update_final_grade and update_raw_grade): what
is changed in the gradebook itself is overridden, and no longer follows the assignment.
"""

from __future__ import annotations

from campus.gradebook import overridden
from campus.marks import find_assignment
from campus.moodle import Moodle
from campus.people import TEACHER

HTML = 1
_OF_COURSE = "assignment in (select id from assignment where course = ?)"


def comment(moodle: Moodle, *, assignment: int, learner: int, text: str) -> None:
    """Write feedback on the assignment's own page; an empty text clears it."""
    find_assignment(moodle, assignment)
    at = moodle.time()
    moodle.state.write(
        "insert into mark (assignment, person, grade, comment, format, created, modified, grader)"
        " values (?, ?, -1, ?, ?, ?, ?, ?) on conflict (assignment, person) do update set"
        " comment = excluded.comment, modified = excluded.modified, grader = excluded.grader",
        *(assignment, learner, text, HTML, at, at, TEACHER),
    )
    if not overridden(moodle, assignment, learner):
        _show(moodle, assignment, learner, None, text)


def override(
    moodle: Moodle, *, assignment: int, learner: int, text: str = "", grade: float | None = None
) -> None:
    """Change feedback or grade in the grader report itself; one without grades takes none."""
    row = find_assignment(moodle, assignment)
    moodle.state.write("insert or replace into override values (?, ?)", assignment, learner)
    _show(moodle, assignment, learner, grade if row["maximum"] else None, text)


def give_back(moodle: Moodle, *, assignment: int, learner: int) -> None:
    """Take an override off again: the cell follows the assignment from its next change on."""
    moodle.state.write(
        "delete from override where assignment = ? and person = ?", assignment, learner
    )


def reset(moodle: Moodle, *, course: int) -> None:
    """Reset a course for its next run: every grade and comment is gone."""
    for table in ("mark", "gradebook", "override"):
        moodle.state.write(f"delete from {table} where {_OF_COURSE}", course)  # noqa: S608


def anew(moodle: Moodle, *, assignment: int) -> int:
    """Delete an assignment and make it again; return the new one's id."""
    row = find_assignment(moodle, assignment)
    for table in ("mark", "gradebook", "override"):
        moodle.state.write(f"delete from {table} where assignment = ?", assignment)  # noqa: S608
    moodle.state.write("delete from assignment where id = ?", assignment)
    columns = [name for name in row.keys() if name != "id"]  # noqa: SIM118  # a Row's values else
    named, marks = ", ".join(columns), ", ".join("?" * len(columns))
    return moodle.state.write(
        f"insert into assignment ({named}) values ({marks})",  # noqa: S608  # columns of the table
        *(row[name] for name in columns),
    )


def _show(moodle: Moodle, assignment: int, learner: int, grade: float | None, text: str) -> None:
    moodle.state.write(
        "insert or replace into gradebook values (?, ?, ?, ?, ?, ?)",
        *(assignment, learner, grade, text, HTML, moodle.time()),
    )
