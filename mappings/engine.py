"""Chooses the mapping for a completion, applies it, and says where each field came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.base import Completion, Course
from mappings.entry import (
    BY_MAPPING,
    NO_MOMENT,
    Dated,
    Entry,
    FieldProblem,
    FieldTrace,
    Held,
    natural_key,
)
from mappings.expressions import Condition, Expression
from mappings.filter_functions import moment
from mappings.globs import matches
from mappings.limits import Applied
from mappings.model import ANY_SITE, Mapping, Match
from mappings.rules import MEND_MAPPING, RULES, Rule, Unfit, parameter_rule
from mappings.tracing import Worked, traces
from mappings.values import ExpressionError, Fields, ZoneName, values_of

__all__ = [
    "ISSUE_DATE",
    "Dated",
    "Entry",
    "FieldProblem",
    "FieldTrace",
    "Held",
    "Unfit",
    "apply",
    "choose",
    "course_misfit",
    "misfit",
    "natural_key",
    "read",
]

WHEN = "match.when"
ISSUE_DATE = "entry.issue_date"


def choose(
    mappings: Sequence[Mapping], completion: Completion, *, site: str
) -> tuple[Mapping, ...]:
    """Return the mappings that have this completion: of each kind the highest that wants it.

    Of one kind there is more than one where their priorities are equal: see `ties.undecided`. A
    mapping whose ``when`` fails on this completion counts as wanting it: nobody can know, so none
    of lower priority may have it. ``apply`` then says why, as Held. Raises nothing.
    """
    values = values_of(completion, site=site)
    found: list[Mapping] = []
    highest: dict[str, int] = {}
    for mapping in sorted(mappings, key=lambda each: (-each.priority, each.name)):
        asked = highest.get(mapping.kind, mapping.priority) == mapping.priority
        if asked and _misfit(mapping, completion, site, values) is None:
            highest[mapping.kind] = mapping.priority
            found.append(mapping)
    return tuple(found)


def apply(
    mapping: Mapping, completion: Completion, *, site: str, traced: bool = False
) -> Entry | Held:
    """Return the entry that a mapping makes of a completion, or every reason why it makes none.

    ``traced``: with where each field came from, which takes as long again. Whether the mapping
    wants the completion is for ``choose`` to say. Raises nothing.
    """
    if mapping.fault is not None:
        return Held(problems=(_unreadable(mapping, mapping.fault),), trace=())
    values = values_of(completion, site=site)
    problems: list[FieldProblem] = []
    made: dict[str, Any] = {}
    worked: list[Worked] = []
    if mapping.match.when is not None:
        worked.append(_decided(mapping.match.when, values, problems))
    worked += [_filled(rule, mapping, values, made, problems) for rule in RULES]
    parameters: dict[str, Any] = dict(mapping.certificate.parameters)
    worked += [
        _filled(parameter_rule(name, value), mapping, values, parameters, problems)
        for name, value in mapping.certificate.parameters.items()
        if isinstance(value, Expression)
    ]
    trace = traces(worked, values) if traced else ()
    if problems:
        return Held(problems=tuple(problems), trace=trace)
    if mapping.valid_for is not None:
        made["expires_on"] = mapping.valid_for.after(made["issue_date"])
    return Entry(**made, parameters=parameters, dated=_dated(worked), trace=trace)


def read(name: str, text: str) -> Any:
    """A field's value as a person gives it by hand, cleaned as a mapping's is. Raises Unfit."""
    rule = next(rule for rule in RULES if rule.name == name)
    return rule.read(rule.clean(text))


def misfit(mapping: Mapping, completion: Completion, *, site: str) -> str | None:
    """The key of the document for which a mapping does not want a completion; None: it does."""
    return _misfit(mapping, completion, site, values_of(completion, site=site))


def _misfit(mapping: Mapping, completion: Completion, site: str, values: Fields) -> str | None:
    match = mapping.match
    if (key := course_misfit(mapping, completion.course, site=site)) is not None:
        return key
    if match.cohorts and not _fits(match.cohorts, completion.cohorts):
        return "match.cohort"
    return None if _may_hold(match, values) else WHEN


def course_misfit(mapping: Mapping, course: Course, *, site: str) -> str | None:
    """The key for which a mapping does not want a course, whoever completes it; None: it may."""
    if site not in mapping.sites and ANY_SITE not in mapping.sites:
        return "site"
    if not _fits(mapping.match.courses, (course.id, course.code, course.title)):
        return "match.course"
    if mapping.match.categories and not _fits(mapping.match.categories, (course.category,)):
        return "match.category"
    return None


def _fits(globs: Iterable[str], names: Sequence[str | None]) -> bool:
    return any(matches(glob, name) for glob in globs for name in names)


def _may_hold(match: Match, values: Fields) -> bool:
    try:
        return match.when is None or match.when.holds(values)
    except ExpressionError:
        return True


def _decided(when: Condition, values: Fields, problems: list[FieldProblem]) -> Worked:
    result: str | None = None
    try:
        result = "holds" if when.holds(values) else "does not hold"
    except ExpressionError as exc:
        problems.append(_failed(WHEN, exc))
    return Worked(WHEN, when, printed=result, result=result)


def _filled(
    rule: Rule,
    mapping: Mapping,
    values: Fields,
    made: dict[str, Any],
    problems: list[FieldProblem],
) -> Worked:
    expression = rule.expression(mapping)
    applied: list[Applied] = []
    printed = result = None
    try:
        printed = expression.evaluate(values, applied)
        result = rule.clean(printed)
        made[rule.name] = rule.read(result)
        rule.doubt(mapping, result)
    except ExpressionError as exc:
        problems.append(_failed(rule.field, exc))
    except Unfit as exc:
        problems.append(_unfit(rule.field, exc))
    return Worked(rule.field, expression, printed, result, applied)


def _dated(worked: Iterable[Worked]) -> Dated:
    """The moment and the zone that the issue date's last ``local_date`` was told."""
    used = next(each.applied for each in worked if each.field == ISSUE_DATE)
    for use in reversed(used):
        if use.name == "local_date" and use.result is not None:
            zone = use.arguments[0]
            return Dated(
                instant=moment(use.value),
                zone=str(zone),
                source=zone.source if isinstance(zone, ZoneName) else BY_MAPPING,
            )
    return NO_MOMENT


def _unreadable(mapping: Mapping, fault: str) -> FieldProblem:
    return FieldProblem(
        field=mapping.name,
        problem=f"no longer loads: {fault}",
        remedy="Add a version that loads: `vaultbridge mappings add FILE`; then replay.",
        code="document",
    )


def _failed(field: str, error: ExpressionError) -> FieldProblem:
    return FieldProblem(
        field=field,
        problem=f"cannot be worked out: {error.problem}",
        remedy=MEND_MAPPING,
        code="expression",
    )


def _unfit(field: str, error: Unfit) -> FieldProblem:
    return FieldProblem(field=field, problem=error.problem, remedy=error.remedy, code=error.code)
