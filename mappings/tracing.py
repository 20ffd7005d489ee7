"""Where the value of each field came from, as a person is shown it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mappings import texts
from mappings.entry import FieldTrace
from mappings.expressions import Expression
from mappings.limits import Applied
from mappings.values import ExpressionError, Fields, shown


class Worked(NamedTuple):
    """One expression that was worked out for a completion."""

    field: str  #: key in the document
    expression: Expression
    printed: str | None  #: None if it gave nothing
    result: str | None  #: what became of that; None as well
    applied: Sequence[Applied] = ()  #: the filters that were used


def traces(worked: Iterable[Worked], values: Fields) -> tuple[FieldTrace, ...]:
    """What each read, what its filters gave, what was tidied, and the result."""
    return tuple(_trace(each, values) for each in worked)


def _trace(worked: Worked, values: Fields) -> FieldTrace:
    printed, result = worked.printed, worked.result
    return FieldTrace(
        field=worked.field,
        expression=worked.expression.source,
        inputs=worked.expression.inputs(values),
        result=result,
        filters=tuple(map(_written, worked.applied)),
        tidied=() if printed is None or result is None else texts.tidied(printed, result),
    )


def _written(use: Applied) -> tuple[str, str | None]:
    """A filter's use as the document has it, and what it gave."""
    given = ", ".join(_quoted(each) for each in use.arguments)
    return f"{use.name}: {given}" if given else use.name, _as_shown(use.result)


def _quoted(argument: object) -> str:
    text = _as_shown(argument)
    return f"'{text}'" if isinstance(argument, str) else text or "nil"


def _as_shown(value: object) -> str | None:
    try:
        return shown(value)
    except ExpressionError as exc:
        return exc.problem
