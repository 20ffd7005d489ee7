"""The expressions of a mapping: Liquid, checked when read, limited when evaluated.

``compile_text`` and ``compile_condition`` raise CompileError with every fault; evaluating what
they return raises ExpressionError and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import cast

from liquid.builtin.expressions.primitive import FloatLiteral
from liquid.exceptions import LiquidError, LiquidInterrupt, ResourceLimitError
from liquid.static_analysis import TemplateAnalysis

from mappings.checks import TokenCheck, expressions, tree_faults
from mappings.limits import ENVIRONMENT, Applied, Template
from mappings.mistakes import Fault
from mappings.names import kind_of
from mappings.values import ExpressionError, Fields, shown

SOURCE_LIMIT = 2_000  #: characters

#: Liquid's own messages, and what they mean to someone who has never met a parser.
_PLAINLY = {
    r"^expected '}}', found end of file$": "{{ is opened and never closed with }}",
    r"^missing tag name or closing delimiter$": "{% is opened and never closed with %}",
    r"^expected tag end(\w+), found end.*$": r"{% \1 %} is never closed with {% end\1 %}",
    r"^expected tag (end\w+), found tag$": r"{% \1 %} is missing before this",
    r"^expected end of expression, found .*$": "something is missing before this, such as | or ==",
    r"^expected a primitive expression, found .*$": "a name, a number or a quoted text is missing",
    r"^missing expression$": "a name, a number or a quoted text is missing",
}

_BEFORE, _AFTER = "{% if ", " %}1{% endif %}"


class CompileError(Exception):
    """The text is no expression; ``faults`` says why, each with its place."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.problem for fault in self.faults))


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A text with expressions in it, as written in the document. Equal where the source is."""

    source: str
    names: tuple[tuple[str, tuple[object, ...]], ...] = field(compare=False, repr=False)
    template: Template = field(compare=False, repr=False)

    def evaluate(self, values: Fields, applied: list[Applied] | None = None) -> str:
        """The text it gives for these values. Raises ExpressionError.

        ``applied`` is told which filters were used, and how, as far as it came.
        """
        return _evaluated(self.template, values, [] if applied is None else applied)

    def inputs(self, values: Fields) -> tuple[tuple[str, str | None], ...]:
        """Each name it reads and what stands there (None for nil), in the order of the text."""
        return tuple(
            (name, _shown(self.template, values, segments)) for name, segments in self.names
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(Expression):
    """An expression that holds or does not."""

    def holds(self, values: Fields) -> bool:
        """Whether it holds for these values. Raises ExpressionError."""
        return self.evaluate(values) != ""


def compile_text(source: str) -> Expression:
    """Return the expression. Raises CompileError."""
    template, names = _compiled(source, skip=0)
    return Expression(source=source, names=names, template=template)


def compile_condition(source: str) -> Condition:
    """Return the condition: what stands between ``{% if`` and ``%}``. Raises CompileError."""
    for braces in ("{{", "}}", "{%", "%}"):
        if braces in source:
            raise CompileError(
                [
                    Fault(
                        problem=f"a condition is written without {braces}, "
                        "e.g. grade.percent >= 60",
                        offset=source.index(braces),
                    )
                ]
            )
    template, names = _compiled(_BEFORE + source + _AFTER, skip=len(_BEFORE))
    return Condition(source=source, names=names, template=template)


def _compiled(
    source: str, *, skip: int
) -> tuple[Template, tuple[tuple[str, tuple[object, ...]], ...]]:
    if len(source) - skip > SOURCE_LIMIT:
        raise CompileError(
            [Fault(problem=f"{len(source) - skip} characters long; at most {SOURCE_LIMIT}")]
        )
    try:
        template, analysis, faults = _checked(source)
    except LiquidError as exc:
        raise CompileError([_syntax_fault(exc, skip)]) from exc
    if faults or template is None or analysis is None:
        raise CompileError(_moved(fault, skip) for fault in faults)
    return template, _names(analysis)


def _checked(source: str) -> tuple[Template | None, TemplateAnalysis | None, list[Fault]]:
    check = TokenCheck()
    faults = list(check.faults(source))
    if faults:
        return None, None, faults
    template = cast(Template, ENVIRONMENT.from_string(source))
    template.tokens = check.count
    analysis = template.analyze(include_partials=False)
    for _, expression in expressions(template):
        if isinstance(expression, FloatLiteral):
            # 60.1 as a binary fraction is more than the 60.1 of a grade.
            expression.value = Decimal(expression.token.value)  # type: ignore[assignment]
    return template, analysis, list(tree_faults(template, analysis))


def _moved(fault: Fault, skip: int) -> Fault:
    return Fault(problem=fault.problem, offset=max((fault.offset or 0) - skip, 0))


def _syntax_fault(error: LiquidError, skip: int) -> Fault:
    offset = error.token.start_index if error.token else 0
    said = str(error.message)
    for pattern, plain in _PLAINLY.items():
        said = re.sub(pattern, plain, said)
    return _moved(Fault(problem=f"not understood: {said}", offset=offset), skip)


def _names(analysis: TemplateAnalysis) -> tuple[tuple[str, tuple[object, ...]], ...]:
    found = {}
    variables = (variable for group in analysis.globals.values() for variable in group)
    for variable in sorted(variables, key=lambda each: each.span.index):
        if kind_of(variable.segments) and all(isinstance(s, str | int) for s in variable.segments):
            found[str(variable)] = tuple(variable.segments)
    return tuple(found.items())


def _evaluated(template: Template, values: Fields, applied: list[Applied]) -> str:
    try:
        return template.text(values, applied)
    except ResourceLimitError as exc:
        raise ExpressionError(f"grows too large: {exc.message}") from exc
    except (LiquidError, LiquidInterrupt) as exc:
        raise ExpressionError(str(getattr(exc, "message", exc))) from exc
    except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as exc:
        raise ExpressionError(f"gives no result: {exc}") from exc


def _shown(template: Template, values: Fields, segments: tuple[object, ...]) -> str | None:
    try:
        context = template.context_class(template, globals=values)
        return shown(context.get(list(segments), token=None))
    except ExpressionError as exc:
        return exc.problem
