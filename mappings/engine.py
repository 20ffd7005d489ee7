"""Chooses the mapping for a completion, applies it, and says where each field came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from connectors.base import Completion
from mappings.entry import Entry, FieldProblem, FieldTrace, Held, natural_key
from mappings.expressions import Condition, Expression
from mappings.globs import matches
from mappings.model import ANY_SITE, Mapping, Match
from mappings.rules import MEND_MAPPING, RULES, Unfit
from mappings.values import ExpressionError, Fields, values_of

__all__ = ["Entry", "FieldProblem", "FieldTrace", "Held", "apply", "choose", "natural_key"]

WHEN = "match.when"


def choose(
    mappings: Sequence[Mapping], completion: Completion, *, site: str
) -> tuple[Mapping, ...]:
    """Return the mappings that have this completion: of each kind the first that wants it.

    The first is that of the highest priority, then by name. A mapping whose ``when`` fails on this
    completion counts as wanting it: nobody can know, so none of lower priority may have it.
    ``apply`` then says why, as Held. Raises nothing.
    """
    values = values_of(completion, site=site)
    found: dict[str, Mapping] = {}
    for mapping in sorted(mappings, key=lambda each: (-each.priority, each.name)):
        wanted = mapping.kind not in found and _is_for(mapping, completion, site)
        if wanted and _may_hold(mapping.match, values):
            found[mapping.kind] = mapping
    return tuple(found.values())


def apply(mapping: Mapping, completion: Completion, *, site: str) -> Entry | Held:
    """Return the entry that a mapping makes of a completion, or every reason why it makes none.

    Whether the mapping wants the completion is for ``choose`` to say. Raises nothing.
    """
    values = values_of(completion, site=site)
    problems: list[FieldProblem] = []
    traces: list[FieldTrace] = []
    if mapping.match.when is not None:
        traces.append(_decided(mapping.match.when, values, problems))
    made: dict[str, Any] = {}
    for rule in RULES:
        expression = rule.expression(mapping)
        result: str | None = None
        try:
            result = rule.clean(expression.evaluate(values))
            made[rule.name] = rule.read(result)
            rule.doubt(mapping.hold, result)
        except ExpressionError as exc:
            problems.append(_failed(rule.field, exc))
        except Unfit as exc:
            problems.append(_unfit(rule.field, exc))
        traces.append(_trace(rule.field, expression, values, result))
    if problems:
        return Held(problems=tuple(problems), trace=tuple(traces))
    return Entry(**made, trace=tuple(traces))


def _is_for(mapping: Mapping, completion: Completion, site: str) -> bool:
    if site not in mapping.sites and ANY_SITE not in mapping.sites:
        return False
    match, course = mapping.match, completion.course
    return (
        _fits(match.courses, (course.id, course.code, course.title))
        and (not match.categories or _fits(match.categories, (course.category,)))
        and (not match.cohorts or _fits(match.cohorts, completion.cohorts))
    )


def _fits(globs: Iterable[str], names: Sequence[str | None]) -> bool:
    return any(matches(glob, name) for glob in globs for name in names)


def _may_hold(match: Match, values: Fields) -> bool:
    try:
        return match.when is None or match.when.holds(values)
    except ExpressionError:
        return True


def _decided(when: Condition, values: Fields, problems: list[FieldProblem]) -> FieldTrace:
    result: str | None = None
    try:
        result = "holds" if when.holds(values) else "does not hold"
    except ExpressionError as exc:
        problems.append(_failed(WHEN, exc))
    return _trace(WHEN, when, values, result)


def _failed(field: str, error: ExpressionError) -> FieldProblem:
    return FieldProblem(
        field=field,
        problem=f"cannot be worked out: {error.problem}",
        remedy=MEND_MAPPING,
        code="expression",
    )


def _unfit(field: str, error: Unfit) -> FieldProblem:
    return FieldProblem(field=field, problem=error.problem, remedy=error.remedy, code=error.code)


def _trace(field: str, expression: Expression, values: Fields, result: str | None) -> FieldTrace:
    return FieldTrace(
        field=field,
        expression=expression.source,
        inputs=expression.inputs(values),
        result=result,
    )
