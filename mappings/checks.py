"""What is wrong with an expression whatever completion comes: told when the document is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set

from liquid import RenderContext
from liquid.ast import Node
from liquid.builtin.expressions import (
    Filter,
    FilteredExpression,
    KeywordArgument,
    LoopExpression,
    Path,
    StringLiteral,
    tokenize,
)
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.expressions.primitive import FloatLiteral, IntegerLiteral
from liquid.builtin.output import OutputNode
from liquid.expression import Expression
from liquid.static_analysis import TemplateAnalysis
from liquid.token import (
    TOKEN_AND,
    TOKEN_DOC,
    TOKEN_EXPRESSION,
    TOKEN_LPAREN,
    TOKEN_OR,
    TOKEN_RANGE_LITERAL,
    TOKEN_RPAREN,
    TOKEN_TAG,
    Token,
)

from mappings.filters import FILTERS
from mappings.limits import ENVIRONMENT, TAGS, Template
from mappings.mistakes import Fault, did_you_mean
from mappings.names import NAMES, TREE, Kind, kind_of, unknown

TOKEN_LIMIT = 200  #: in one pair of braces: names, numbers, texts, signs

_TAGS = frozenset(TAGS) | {name for others in TAGS.values() for name in others}
_ORDERED = (GeExpression, GtExpression, LeExpression, LtExpression)
_EQUAL = (EqExpression, NeExpression)
_CLOSED = (Kind.NUMBER, Kind.MOMENT, Kind.FIELDS)
_NUMERALS = (IntegerLiteral, FloatLiteral)

#: What a name that is no plain text needs first, where it is printed or filtered.
_FIRST_FILTERS: Mapping[Kind, tuple[tuple[str, ...], str]] = {
    Kind.MOMENT: (("local_date", "default"), "put | local_date: timezone after it"),
    Kind.LIST: (("join", "first", "last", "size", "default"), "put | join: ', ' after it"),
    Kind.FIELDS: ((), "say which"),
}


class TokenCheck:
    """The checks that need no parse tree; ``count`` is the number of tokens seen."""

    def __init__(self) -> None:
        self.count = 0
        self._loops = 0

    def faults(self, source: str) -> Iterator[Fault]:
        """Yield each fault. Raises LiquidSyntaxError where there are no tokens to be seen."""
        for token in ENVIRONMENT.tokenizer()(source):
            self.count += 1
            if token.kind == TOKEN_DOC:
                yield _unknown_tag("doc", token)
            elif token.kind == TOKEN_TAG:
                yield from self._tag_faults(token)
            elif token.kind == TOKEN_EXPRESSION:
                inner = list(tokenize(token.value, token))
                self.count += len(inner)
                yield from _token_faults(token, inner)

    def _tag_faults(self, token: Token) -> Iterator[Fault]:
        self._loops += (token.value == "for") - (token.value == "endfor")
        if token.value not in _TAGS:
            yield _unknown_tag(token.value, token)
        elif token.value in ("break", "continue") and self._loops < 1:
            yield Fault(
                problem=f"{token.value} stands only between {{% for … %}} and {{% endfor %}}",
                offset=token.start_index,
            )


def _unknown_tag(name: str, token: Token) -> Fault:
    meant = did_you_mean(name, _TAGS)
    return Fault(
        problem=f'unknown tag "{name}"{meant}; allowed: {", ".join(TAGS)}',
        offset=token.start_index,
    )


def _token_faults(whole: Token, tokens: list[Token]) -> Iterator[Fault]:
    if len(tokens) > TOKEN_LIMIT:
        yield Fault(
            problem=f"too long: {len(tokens)} words and signs; at most {TOKEN_LIMIT}",
            offset=whole.start_index,
        )
    for token in tokens:
        if token.kind == TOKEN_RANGE_LITERAL:
            yield Fault(
                problem="ranges such as (1..10) are not allowed; loop over a list",
                offset=token.start_index,
            )
    yield from _mixed(tokens)


def _mixed(tokens: Iterable[Token]) -> Iterator[Fault]:
    # Liquid reads "a and b or c" from the right: not what anyone expects of it.
    seen: list[set[str]] = [set()]
    for token in tokens:
        if token.kind in (TOKEN_LPAREN, TOKEN_RANGE_LITERAL):
            seen.append(set())
        elif token.kind == TOKEN_RPAREN and len(seen) > 1:
            seen.pop()
        elif token.kind in (TOKEN_AND, TOKEN_OR) and token.kind not in seen[-1]:
            seen[-1].add(token.kind)
            if len(seen[-1]) > 1:
                yield Fault(
                    problem='"and" and "or" side by side: put ( ) around what belongs together',
                    offset=token.start_index,
                )


def tree_faults(template: Template, analysis: TemplateAnalysis) -> Iterator[Fault]:
    """Yield each fault of a parsed expression: names, filters, and what does not go together."""
    for variables in analysis.globals.values():
        for variable in variables:
            if kind_of(variable.segments) is None:
                yield Fault(problem=unknown(variable.segments), offset=variable.span.index)
    own: set[str] = set()
    for node in nodes(template):
        for name in (*node.template_scope(), *node.block_scope()):
            own.add(str(name))
            if name in TREE:
                yield Fault(
                    problem=f"{name} is a name of the completion; give yours another one",
                    offset=name.token.start_index,
                )
    for node, expression in expressions(template):
        if isinstance(expression, FilteredExpression):
            yield from _filter_faults(expression.filters or ())
            yield from _printed(node, expression, own)
        elif isinstance(expression, LoopExpression):
            yield from _looped(expression, own)
        elif isinstance(expression, (*_ORDERED, *_EQUAL, ContainsExpression)):
            yield from _compared(expression, own)


def nodes(template: Template) -> Iterator[Node]:
    """Every block, tag and piece of text."""
    context = RenderContext(template)
    waiting = list(template.nodes)
    while waiting:
        node = waiting.pop()
        waiting.extend(node.children(context, include_partials=False))
        yield node


def expressions(template: Template) -> Iterator[tuple[Node, Expression]]:
    """Every expression and part of one, with the node it stands in."""
    for node in nodes(template):
        waiting = list(node.expressions())
        while waiting:
            expression = waiting.pop()
            waiting.extend(expression.children())
            yield node, expression


def _filter_faults(uses: Iterable[Filter]) -> Iterator[Fault]:
    for use in uses:
        for problem in _filter_problems(use):
            yield Fault(problem=problem, offset=use.token.start_index)


def _filter_problems(use: Filter) -> Iterator[str]:
    known = FILTERS.get(use.name)
    if known is None:
        meant = did_you_mean(use.name, FILTERS)
        yield f'unknown filter "{use.name}"{meant}; allowed: {", ".join(FILTERS)}'
        return
    most = len(known.arguments)
    named = any(isinstance(argument, KeywordArgument) for argument in use.args)
    if named or not most - known.optional <= len(use.args) <= most:
        yield f"{use.name} is used like this: {known.example}"
        return
    for check, argument in zip(known.checks, use.args, strict=False):
        problem = check(argument.value.value) if isinstance(argument.value, StringLiteral) else None
        if problem:
            yield problem


def _printed(node: Node, expression: FilteredExpression, own: Set[str]) -> Iterator[Fault]:
    name, kind = _name_and_kind(expression.left, own)
    if kind is None or kind not in _FIRST_FILTERS:
        return
    allowed, _ = _FIRST_FILTERS[kind]
    first = expression.filters[0].name if expression.filters else None
    kept = first is None and not isinstance(node, OutputNode)
    if kept or first in allowed:
        return
    yield _needs_more(name, kind, expression)


def _looped(loop: LoopExpression, own: Set[str]) -> Iterator[Fault]:
    name, kind = _name_and_kind(loop.iterable, own)
    if kind is Kind.FIELDS:
        yield _needs_more(name, kind, loop.iterable)


def _needs_more(name: str, kind: Kind, expression: Expression) -> Fault:
    _, remedy = _FIRST_FILTERS[kind]
    if kind is Kind.FIELDS:
        remedy += ", e.g. " + next(n.path for n in NAMES if n.path.startswith(f"{name}."))
    return Fault(problem=f"{name} is {kind.value}: {remedy}", offset=expression.token.start_index)


def _name_and_kind(expression: Expression, own: Set[str]) -> tuple[str, Kind | None]:
    if not isinstance(expression, Path) or str(expression.path[0]) in own:
        return "", None
    return str(expression), kind_of(expression.location())


def _compared(expression: Expression, own: Set[str]) -> Iterator[Fault]:
    left, right = expression.children()
    for one, other in ((left, right), (right, left)):
        name, kind = _name_and_kind(one, own)
        problem = kind and _comparison_problem(expression, kind, other, one is left)
        if problem:
            yield Fault(problem=f"{name} is {problem}", offset=one.token.start_index)


def _comparison_problem(
    expression: Expression, kind: Kind, other: Expression, is_left: bool
) -> str | None:
    numeral, text = isinstance(other, _NUMERALS), isinstance(other, StringLiteral)
    if isinstance(expression, ContainsExpression):
        return f"{kind.value}, which contains nothing" if is_left and kind in _CLOSED else None
    if kind is Kind.TEXT and numeral:
        if isinstance(expression, _ORDERED):
            return "a text: < > <= >= compare numbers only"
        return f"a text: write '{other.token.value}', in quotes"
    if kind is Kind.NUMBER and text:
        return f"a number: write {other.token.value} without quotes"
    if kind is Kind.LIST and (numeral or text):
        return f"a list: write contains '{other.token.value}'"
    if kind in (Kind.MOMENT, Kind.FIELDS) and (numeral or text):
        return f"{kind.value}: compare it with nil only"
    return None
