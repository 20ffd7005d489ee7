"""One learner's gradebook in one course, as the user report tells it: total and feedback."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.base import Grade
from connectors.moodle.client import MoodleClient
from connectors.wild import Wild

REPORT = "gradereport_user_get_grade_items"
#: Moodle keeps grades with five places.
_PLACES = Decimal("0.00001")


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeItem:
    """One column of the gradebook, and what stands in it for one learner."""

    kind: str  #: "course", "category", "mod" or "manual"
    module: str | None  #: "assign", where ``kind`` is "mod"
    instance: str | None  #: the module's own id, not the cmid
    id_number: str | None
    name: str | None
    locked: bool  #: the column, or this learner's cell
    taken_over: bool  #: a person has graded or overridden this learner's cell
    feedback: str | None  #: raw, as it was stored
    given: Wild = field(repr=False)


def grade_items(client: MoodleClient, course_id: str, user_id: str) -> Sequence[GradeItem]:
    """The learner's columns. Those hidden in the gradebook are left out by Moodle.

    An unenrolled learner's are still given. Raises as MoodleClient.call.
    """
    answer = client.call(REPORT, courseid=course_id, userid=user_id)
    reports = [r for r in answer["usergrades"].items() if r["userid"].identifier() == user_id]
    return [item for report in reports for item in items_of(report)]


def items_of(report: Wild) -> Sequence[GradeItem]:
    """The columns of one learner's report."""
    return [_item(item) for item in report["gradeitems"].items()]


def course_grade(items: Sequence[GradeItem]) -> Grade | None:
    """The course total; None while there is none."""
    total = next((item.given for item in items if item.kind == "course"), None)
    raw = total and total.get("graderaw")
    if total is None or raw is None:
        return None
    points, lowest, highest = raw.decimal(), _number(total, "grademin"), _number(total, "grademax")
    text = total.get("gradeformatted")
    return Grade(
        percent=_percent(points, lowest, highest),
        points=points,
        maximum=highest,
        text=html.unescape(text.text()) if text and text.value != "" else None,
    )


def _percent(points: Decimal, lowest: Decimal | None, highest: Decimal | None) -> Decimal | None:
    if lowest is None or highest is None or highest <= lowest:
        return None
    share = (points - lowest) * 100 / (highest - lowest)
    bounded = min(max(share, Decimal(0)), Decimal(100)).quantize(_PLACES).normalize()
    # A mapping may print it: 91.5 rather than 91.50000, and 100 rather than 1E+2.
    return bounded if bounded != bounded.to_integral_value() else bounded.quantize(Decimal(1))


def _number(given: Wild, name: str) -> Decimal | None:
    member = given.get(name)
    return member.decimal() if member else None


def _item(given: Wild) -> GradeItem:
    instance = given.get("iteminstance")
    return GradeItem(
        kind=given["itemtype"].text(),
        module=_text(given, "itemmodule"),
        instance=instance.identifier() if instance else None,
        id_number=_text(given, "idnumber"),
        name=_text(given, "itemname"),
        locked=_true(given, "locked") or _true(given, "gradeislocked"),
        # What is saved in the assignment then no longer reaches the gradebook (Moodle's source,
        # grade_item::update_raw_grade).
        taken_over=_true(given, "gradeisoverridden") or _has(given, "graderaw"),
        feedback=_text(given, "feedback"),
        given=given,
    )


def _text(given: Wild, name: str) -> str | None:
    member = given.get(name)
    return member.text() if member and member.value != "" else None


def _has(given: Wild, name: str) -> bool:
    member = given.get(name)
    return member is not None and member.value is not None


def _true(given: Wild, name: str) -> bool:
    member = given.get(name)
    return member.boolean() if member else False
