"""The Liquid environment of expressions: a closed set of tags and filters, and limits on work.

Work is counted in steps and not in milliseconds, so that a busy machine never holds a certificate
that a quiet one would issue. A step is about a microsecond; an expression has ``STEPS`` of them.
A loop costs its rounds times all tokens of its expression, before it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TextIO

from liquid import BoundTemplate, Environment, Mode, RenderContext, Token
from liquid.builtin import content, illegal, output
from liquid.builtin.tags import assign_tag, capture_tag, comment_tag, for_tag, if_tag
from liquid.output import LimitedStringIO

from mappings.filters import FILTERS
from mappings.values import ExpressionError, Fields, Items, text_of, within_limit

STEPS = 20_000
OUTPUT_LIMIT = 8_000  #: bytes
NESTING_LIMIT = 10  #: blocks in blocks
NAMESPACE_LIMIT = 100_000  #: bytes, of all that ``assign`` and ``capture`` keep
_CHARACTERS_A_STEP = 100
APPLIED_LIMIT = 20  #: uses of filters that are told of one evaluation

#: Tag by tag what else belongs to it.
TAGS: Mapping[str, tuple[str, ...]] = {
    "if": ("elsif", "else", "endif"),
    "for": ("else", "endfor"),
    "break": (),
    "continue": (),
    "assign": (),
    "capture": ("endcapture",),
    "comment": ("endcomment",),
}


class Applied(NamedTuple):
    """One use of a filter."""

    name: str
    value: object
    arguments: tuple[object, ...]
    result: object


class _IfTag(if_tag.IfTag):
    # The default drops an ``else`` with a condition, or a second ``else``, without a word.
    mode = Mode.STRICT


class _OutputNode(output.OutputNode):
    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        # The default prints whatever there is as Python writes it.
        return buffer.write(text_of(self.expression.evaluate(context)))


class _Output(output.Output):
    node_class = _OutputNode


class _Context(RenderContext):
    """Names that are nil where there is nothing, and a count of the work done."""

    __slots__ = ("applied", "steps")

    def __init__(self, template: BoundTemplate, **options: Any) -> None:
        super().__init__(template, **options)
        self.steps = 0
        self.applied: list[Applied] = []

    def get(self, path: list[object], *, token: Token | None, default: object = None) -> object:
        # Unknown names were refused when the document was read: what is missing here is nil.
        value = super().get(path, token=token, default=None)
        if isinstance(value, str | Items | Fields):
            self.charge(_weight(value))
        return value

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        known = FILTERS[name]

        def counted(value: object, *arguments: object) -> object:
            self.charge(known.cost + _weight(value))
            result = known.apply(value, *arguments)
            if isinstance(result, str):
                within_limit(result, "a text")
            if len(self.applied) < APPLIED_LIMIT:
                self.applied.append(Applied(name, value, arguments, result))
            return result

        return counted

    def raise_for_loop_limit(self, length: int = 1) -> None:
        # Called as each loop begins, also those within loops.
        self.charge(length * getattr(self.template, "tokens", 1))

    def charge(self, steps: int) -> None:
        self.steps += steps
        if self.steps > STEPS:
            raise ExpressionError("takes too long: a loop or a filter works on too much")


def _weight(value: object) -> int:
    if isinstance(value, str):
        return len(value) // _CHARACTERS_A_STEP
    return len(value) if isinstance(value, list | Items | Fields) else 0


class Template(BoundTemplate):
    """A parsed expression; ``tokens`` bounds the work of going through it once."""

    context_class = _Context
    tokens: int = 1

    def text(self, values: Fields, applied: list[Applied]) -> str:
        """What it prints for these values; ``applied`` is told which filters were used.

        Raises ExpressionError or a LiquidError.
        """
        # Not ``render``: that reads every value first, those that are not asked for too.
        buffer = LimitedStringIO(OUTPUT_LIMIT)
        context = _Context(self, globals=values)
        context.applied = applied
        self.render_with_context(context, buffer)
        return buffer.getvalue()


class _Environment(Environment):
    template_class = Template
    block_nesting_limit = NESTING_LIMIT
    output_stream_limit = OUTPUT_LIMIT
    local_namespace_limit = NAMESPACE_LIMIT
    logical_not_operator = True
    logical_parentheses = True

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (
            content.Literal,
            _Output,
            illegal.Illegal,
            _IfTag,
            for_tag.ForTag,
            for_tag.BreakTag,
            for_tag.ContinueTag,
            assign_tag.AssignTag,
            capture_tag.CaptureTag,
            comment_tag.CommentTag,
        ):
            self.add_tag(tag)
        for known in FILTERS.values():
            self.add_filter(known.name, known.apply)


ENVIRONMENT = _Environment()
