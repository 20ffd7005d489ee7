"""Certificates into the gradebook, as feedback comments of the ungraded assignment.

Moodle answers null whether it stored the text or not, and mails the learner at every call, also
for a text that stands there already. So each row is looked at before and written only on change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from connectors.base import Cell, GradebookRow, Problem, Receipt, ReceiptState
from connectors.moodle import assignments
from connectors.moodle.assignments import Place
from connectors.moodle.client import MoodleClient, batches
from connectors.moodle.enrichment import STATUS
from connectors.moodle.errors import Kind, Refusal, problem_of, raise_if_all_denied
from connectors.moodle.gradeitems import GradeItem
from connectors.moodle.reports import Report, reports
from connectors.moodle.settings import MoodleSettings

_Outcome: TypeAlias = "Receipt | Refusal"
#: Learners that a course's report leaves out have left it, most likely: a look at what stands asks
#: for no more of them one by one.
MOST_SINGLY = 10
#: The one code of a status call that is given only for a learner who is enrolled.
_ENROLLED_ALL_THE_SAME = "nocriteriaset"
_HTML = 1
_NO_GRADE = -1  # on an assignment that grades, this would erase the grade
_LAST_ATTEMPT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """One learner's cell of our column, before it is written."""

    item: GradeItem | None  #: None where the learner's report does not show the column
    enrolled: bool  #: whether that is proved already


_Found: TypeAlias = "_Cell | Refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    """One row that has to be written, and its position in the batch."""

    position: int
    learner_id: str
    text: str


def write(
    client: MoodleClient, settings: MoodleSettings, batch: Sequence[GradebookRow]
) -> Sequence[Receipt]:
    """As Connector.write_back: for a course two calls to look, one a hundred rows to write."""
    cells = [cell for cell in _cells(client, settings, batch) if cell is not None]
    raise_if_all_denied(cells)
    places = assignments.places(client, settings, _columns(batch, cells))
    outcomes: dict[int, _Outcome] = {}
    due: dict[str, list[_Write]] = {}
    for position, (row, cell) in enumerate(zip(batch, cells, strict=True)):
        settled = _settled(client, row, cell, places)
        if isinstance(settled, str):
            write = _Write(position=position, learner_id=row.learner_id, text=row.as_html())
            due.setdefault(settled, []).append(write)
        else:
            outcomes[position] = settled
    for assignment_id, writes in due.items():
        outcomes |= _save(client, assignment_id, writes)
    raise_if_all_denied(outcomes.values())
    return [_receipt(outcomes[position]) for position in range(len(batch))]


def read(
    client: MoodleClient, settings: MoodleSettings, batch: Sequence[GradebookRow]
) -> Sequence[Cell | None]:
    """As Connector.read_back: two calls for a course, if enough of it is wanted."""
    cells = _cells(client, settings, batch, most_singly=MOST_SINGLY)
    raise_if_all_denied(cells)
    return [_shown(cell) for cell in cells]


def _cells(
    client: MoodleClient,
    settings: MoodleSettings,
    batch: Sequence[GradebookRow],
    *,
    most_singly: int | None = None,
) -> Sequence[_Found | None]:
    """What stands in each row's cell; None for those that were not asked for."""
    wanted: dict[str, list[str]] = {}
    for row in batch:
        wanted.setdefault(row.course_id, []).append(row.learner_id)
    told = {
        course: reports(client, course, learners, most_singly=most_singly)
        for course, learners in wanted.items()
    }
    found = (told[row.course_id].get(row.learner_id) for row in batch)
    return [_cell(one, settings.assignment_idnumber) for one in found]


def _cell(told: Report | Refusal | None, id_number: str) -> _Found | None:
    if not isinstance(told, Report):
        return told
    return _Cell(item=assignments.named(told.items, id_number), enrolled=told.enrolled)


def _shown(cell: _Found | None) -> Cell | None:
    if not isinstance(cell, _Cell):
        return None
    if cell.item is None:
        return Cell(text=None)
    return Cell(text=cell.item.feedback, taken_over=cell.item.taken_over)


def _columns(
    batch: Sequence[GradebookRow], cells: Iterable[_Found]
) -> Mapping[str, GradeItem | None]:
    columns: dict[str, GradeItem | None] = {}
    for row, cell in zip(batch, cells, strict=True):
        # An access restriction can hide the column of one learner and not of the others.
        if not isinstance(cell, Refusal) and columns.get(row.course_id) is None:
            columns[row.course_id] = cell.item
    return columns


def _settled(
    client: MoodleClient, row: GradebookRow, cell: _Found, places: Mapping[str, Place]
) -> _Outcome | str:
    """What became of a row that is not to be written, or the assignment to write it to."""
    if isinstance(cell, Refusal):
        return cell
    place, item = places[row.course_id], cell.item
    if place.flaw is not None or place.assignment_id is None:
        return _refused(place.flaw, waiting=place.missing)
    if item is None:
        return _refused(_unseen(row))
    if item.feedback == row.as_html():
        return Receipt(state=ReceiptState.WRITTEN, text=item.feedback)
    if item.taken_over or not row.may_replace(item.feedback):
        return Receipt(state=ReceiptState.OVERRIDDEN)
    if item.locked:
        return _refused(_locked(row))
    absent = None if cell.enrolled else _absent(client, row)
    return absent or place.assignment_id


def _absent(client: MoodleClient, row: GradebookRow) -> Refusal | None:
    """Why the learner is not, or no longer actively, in the course; None if enrolled.

    By the completion status, which looks at enrolment first and costs the same however many are
    enrolled; a list of participants leaves people out without a word.
    """
    try:
        client.call(STATUS, courseid=row.course_id, userid=row.learner_id)
    except Refusal as refusal:
        if refusal.kind is Kind.SITE:
            raise
        return None if refusal.code == _ENROLLED_ALL_THE_SAME else refusal
    return None


def _save(
    client: MoodleClient, assignment_id: str, writes: Sequence[_Write]
) -> Mapping[int, _Outcome]:
    outcomes: dict[int, _Outcome] = {}
    for batch in batches(writes):
        refusal = _refusal_of_save(client, assignment_id, batch)
        outcomes |= {
            write.position: refusal or Receipt(state=ReceiptState.WRITTEN, text=write.text)
            for write in batch
        }
    return outcomes


def _refusal_of_save(
    client: MoodleClient, assignment_id: str, writes: Sequence[_Write]
) -> Refusal | None:
    try:
        client.call(
            "mod_assign_save_grades",
            assignmentid=assignment_id,
            applytoall=False,
            grades=[_grade(write) for write in writes],
        )
    except Refusal as refusal:
        if refusal.kind is Kind.SITE:
            raise
        return refusal
    return None


def _grade(write: _Write) -> Mapping[str, Any]:
    comment = {"text": write.text, "format": _HTML}
    return {
        "userid": write.learner_id,
        "grade": _NO_GRADE,
        "attemptnumber": _LAST_ATTEMPT,
        "addattempt": False,
        "workflowstate": "",
        "plugindata": {"assignfeedbackcomments_editor": comment},
    }


def _receipt(outcome: _Outcome) -> Receipt:
    return _refused(problem_of(outcome)) if isinstance(outcome, Refusal) else outcome


def _refused(why: Problem | None, *, waiting: bool = False) -> Receipt:
    return Receipt(
        state=ReceiptState.WAITING if waiting else ReceiptState.REFUSED,
        problem=why.problem if why else None,
        remedy=why.remedy if why else None,
        code=why.code if why else "",
    )


def _unseen(row: GradebookRow) -> Problem:
    return Problem(
        problem=f"In course {row.course_id} the gradebook of learner {row.learner_id} does not "
        "show the assignment for certificates.",
        remedy="Take the access restriction off the assignment that hides it from this learner, "
        "then replay.",
        code="hidden_from_learner",
    )


def _locked(row: GradebookRow) -> Problem:
    return Problem(
        problem=f"The assignment's column in the gradebook of course {row.course_id} is locked "
        f"for learner {row.learner_id}: what is written would not reach the gradebook.",
        remedy="Unlock it (Grades → Gradebook setup, or the grader report), then replay.",
        code="locked",
    )
