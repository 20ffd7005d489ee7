"""What is said of one completion under one mapping, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.pipeline.explained import Explained
from bridge.store.states import CompletionState
from mappings.engine import Dated, FieldProblem, FieldTrace, Held
from mappings.entry import BY_MAPPING
from mappings.expressions import Expression
from mappings.model import LMS

#: What is done where nothing is issued, and nothing held either.
DOES = {
    CompletionState.AGAIN: "issue nothing",
    CompletionState.EARLY: "leave it alone",
    CompletionState.SAME: "issue nothing",
}


def verdict(each: Explained) -> str:
    """Whether a certificate would be issued at once, or why not."""
    if each.misfit is not None:
        return f"does not want it: {each.misfit} does not fit."
    if each.rival is not None:
        return f"wants it, but {each.rival} is asked before, and has it."
    if each.obstacle is None:
        return "wants it, and would issue."
    # Mapped, if to no entry: each field says its reason itself.
    if isinstance(each.result, Held) and each.obstacle.state == CompletionState.MAPPED:
        fields = ", ".join(problem.field for problem in each.result.problems)
        return f"wants it, and would hold it for {fields}."
    does = DOES.get(each.obstacle.state, "hold it")
    return f"wants it, and would {does}. {each.obstacle.problem}"


def because(dated: Dated) -> str:
    """Why an issue date is that day."""
    if dated.instant is None:
        return "the mapping states the day"
    who = "the mapping itself" if dated.source == BY_MAPPING else f"the {dated.source}"
    return f"it is the day of {dated.instant.isoformat()} in {dated.zone}, as {who} says"


def lines_of(trace: FieldTrace, problems: Mapping[str, FieldProblem]) -> Iterator[tuple[str, str]]:
    """Where a field's value came from, step by step, and what became of it."""
    if trace.expression:
        yield "expression", trace.expression
    for name, value in trace.inputs:
        yield "read", f"{name} = {_quoted(value)}"
    for written, result in trace.filters:
        yield "filter", f"{written} -> {_quoted(result)}"
    for what in trace.tidied:
        yield "tidied", what
    if trace.result is not None:
        yield "result", trace.result or "nothing"
    if problem := problems.get(trace.field):
        yield "HELD", f"{problem.problem}. {problem.remedy}"


def _quoted(value: str | None) -> str:
    """As it stands, with what cannot be seen written out."""
    if value is None:
        return "nil"
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in value) + '"'


def problems_of(each: Explained) -> Mapping[str, FieldProblem]:
    """What keeps each field from its value."""
    held = each.result.problems if isinstance(each.result, Held) else ()
    return {problem.field: problem for problem in held}


def taken_as_written(each: Explained) -> Mapping[str, Any]:
    """What holds no expression: taken from the document as it stands."""
    rules = each.by.mapping.certificate
    issuer = {"issuer": each.by.mapping.issuer}
    if rules.source == LMS:
        return issuer | {"certificate.from": rules.source}
    parameters = {
        f"certificate.parameters.{name}": value
        for name, value in rules.parameters.items()
        if not isinstance(value, Expression)
    }
    printed = {"certificate.template": rules.template, "certificate.paper": rules.paper}
    return issuer | printed | parameters
