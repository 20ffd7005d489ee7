"""The ungraded assignment of a course into which certificates are written, found or made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connectors.base import Permanent, Problem, Target
from connectors.moodle import directory, suitability
from connectors.moodle.client import MoodleClient
from connectors.moodle.errors import Kind, Refusal, problem_of, raise_if_all_denied
from connectors.moodle.gradeitems import GradeItem, grade_items
from connectors.moodle.settings import MoodleSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a course's certificates go, or why nowhere; ``missing``: there is simply none."""

    assignment_id: str | None = None
    flaw: Problem | None = None
    missing: bool = False


def named(items: Sequence[GradeItem], id_number: str) -> GradeItem | None:
    """The column with this ID number, preferably an assignment."""
    found = [item for item in items if item.id_number == id_number]
    return next((i for i in found if i.module == "assign"), found[0] if found else None)


def places(
    client: MoodleClient, settings: MoodleSettings, columns: Mapping[str, GradeItem | None]
) -> Mapping[str, Place]:
    """For each course, by its column with our ID number, where its certificates go.

    One call a hundred courses. Raises as MoodleClient.call.
    """
    assigned = {
        course: column.instance
        for course, column in columns.items()
        if column is not None and column.module == "assign" and column.instance is not None
    }
    flaws = suitability.flaws(client, assigned)
    titles = _titles(client, [course for course in columns if course not in assigned])
    return {
        course: Place(assignment_id=assigned[course], flaw=flaws[course])
        if course in assigned
        else _nowhere(titles[course], settings, column)
        for course, column in columns.items()
    }


def targets(
    client: MoodleClient, settings: MoodleSettings, course_ids: Sequence[str]
) -> Sequence[Target]:
    """As Connector.targets."""
    looked = {course: _look(client, settings, course) for course in dict.fromkeys(course_ids)}
    raise_if_all_denied(looked.values())
    columns = {c: item for c, item in looked.items() if not isinstance(item, Refusal)}
    found = places(client, settings, columns)
    titles = {key: course.title for key, course in directory.courses(client, looked).items()}
    return [
        _target(course, titles.get(course), found.get(course), looked[course])
        for course in course_ids
    ]


def create(client: MoodleClient, settings: MoodleSettings, course_id: str) -> Target:
    """As Connector.create_target: imports the template course, unless the place is there."""
    template = settings.template_course_id
    if template is None:
        raise Permanent(
            "The site names no template course.",
            remedy="Make a hidden course that holds just the assignment and set "
            "template_course_id to its number, or add the assignment to the course by hand.",
        )
    before = _look(client, settings, course_id)
    if isinstance(before, Refusal):
        raise before
    if before is None and course_id != template:
        _import(client, template, course_id)
    return targets(client, settings, [course_id])[0]


def _import(client: MoodleClient, template: str, course_id: str) -> None:
    # Each import adds one more copy, and a copy that the gradebook hides would be looked for in
    # vain and imported again at every run: so none is made where its name is there already.
    told = suitability.assignments_of(client, [template, course_id])
    names, there = (
        {assignment["name"].text() for assignment in told.get(course, ())}
        for course in (template, course_id)
    )
    if names & there:
        return
    client.call(
        "core_course_import_course",
        importfrom=template,
        importto=course_id,
        deletecontent=False,
        options=[
            {"name": "activities", "value": 1},
            {"name": "blocks", "value": 0},
            {"name": "filters", "value": 0},
        ],
    )


def _look(
    client: MoodleClient, settings: MoodleSettings, course_id: str
) -> GradeItem | Refusal | None:
    """The course's column with our ID number, as any participant's report shows it."""
    try:
        items = grade_items(client, course_id, _somebody(client, course_id))
    except Refusal as refusal:
        if refusal.kind is Kind.SITE:
            raise
        return refusal
    return named(items, settings.assignment_idnumber)


def _somebody(client: MoodleClient, course_id: str) -> str:
    """A participant of the course, or else the service user itself."""
    enrolled = directory.participants(client, course_id, limit=1)
    return (
        enrolled[0]
        if enrolled
        else client.call("core_webservice_get_site_info")["userid"].identifier()
    )


def _nowhere(called: str, settings: MoodleSettings, column: GradeItem | None) -> Place:
    id_number = settings.assignment_idnumber
    if column is None:
        return Place(
            missing=True,
            flaw=Problem(
                problem=f"{called} has no assignment with the ID number “{id_number}”, or it is "
                "hidden in the gradebook.",
                remedy="Run `vaultbridge site courses SITE --create`, or add it by hand as the "
                "connector's README says. If an assignment of that name is there already, give it "
                "this ID number and show it in the gradebook.",
                code="no_place",
            ),
        )
    return Place(
        flaw=Problem(
            problem=f"In {called} the ID number “{id_number}” belongs to “{column.name}”, which "
            "is no assignment.",
            remedy="Take the ID number away from it, then add the assignment.",
            code="no_assignment",
        )
    )


def _titles(client: MoodleClient, course_ids: Sequence[str]) -> Mapping[str, str]:
    found = directory.courses(client, course_ids)
    return {
        key: f"Course {key} “{found[key].title}”" if key in found else f"Course {key}"
        for key in course_ids
    }


def _target(
    course_id: str, title: str | None, place: Place | None, looked: GradeItem | Refusal | None
) -> Target:
    if isinstance(looked, Refusal):
        flaw: Problem | None = problem_of(looked)
    else:
        flaw = place.flaw if place else None
    if flaw is None:
        return Target(course_id=course_id, title=title, found=True)
    return Target(
        course_id=course_id, title=title, found=False, problem=flaw.problem, remedy=flaw.remedy
    )
