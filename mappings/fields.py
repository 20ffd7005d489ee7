"""The kinds of value in a mapping document: what each takes, and what it says of anything else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

import marshmallow as ma

from mappings.doubts import NONE
from mappings.expressions import (
    CompileError,
    Condition,
    Expression,
    compile_condition,
    compile_text,
)
from mappings.locate import Scalar
from mappings.mistakes import Fault, did_you_mean
from mappings.model import Again, AgainKind, ParameterValue
from mappings.periods import EXAMPLES, Period, period

DAYS = re.compile(r"([1-9][0-9]{0,4}) days?")


def refuse(problem: str) -> NoReturn:
    """Raise the marshmallow error for one fault of a value."""
    raise ma.ValidationError([Fault(problem=problem)])


def described(
    kind: Callable[..., ma.fields.Field[Any]], *, help: str, example: str, **options: Any
) -> Any:
    """A field that can say what it is for, in an error text, a form or a JSON Schema."""
    missing = Fault(problem=f"is missing: {help}, e.g. {example}")
    empty = Fault(problem=f"is empty: {help}, e.g. {example}")
    return kind(
        metadata={"help": help, "example": example},
        error_messages={"required": [missing], "null": [empty]},
        **options,
    )


class Text(ma.fields.Field[str]):
    """A single value, taken as it is written."""

    def __init__(self, *, pattern: str | None = None, wanted: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.pattern = pattern
        self.wanted = wanted

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> str:
        text = scalar(value)
        if not text.strip():
            raise self.make_error("null")
        if self.pattern and not re.fullmatch(self.pattern, text):
            refuse(f'"{shown(text)}" is not {self.wanted}')
        return str(text)


class Choice(Text):
    """One of a few words."""

    def __init__(self, *, choices: Iterable[str], **options: Any) -> None:
        super().__init__(**options)
        self.choices = tuple(choices)

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> str:
        text = super()._deserialize(value, attr, data, **options)
        if text not in self.choices:
            meant = did_you_mean(text, self.choices)
            refuse(f'"{shown(text)}" is not allowed{meant}; allowed: {", ".join(self.choices)}')
        return text


class Whole(ma.fields.Field[int]):
    """A whole number."""

    def __init__(self, *, least: int, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.least = least
        self.most = most

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> int:
        text = scalar(value)
        if not re.fullmatch(r"-?[0-9]{1,6}", text) or not self.least <= int(text) <= self.most:
            wanted = (
                str(self.least)
                if self.least == self.most
                else f"a whole number from {self.least} to {self.most}"
            )
            refuse(f'"{shown(text)}" is not allowed; allowed: {wanted}')
        return int(text)


class OneOrMore(ma.fields.Field[tuple[str, ...]]):
    """A value, or a list of them."""

    def __init__(self, inner: Text, **options: Any) -> None:
        super().__init__(**options)
        self.inner = inner

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            return (self.inner.deserialize(value, attr, data),)
        found: list[str] = []
        faults: dict[int, Any] = {}
        for index, each in enumerate(value):
            try:
                found.append(self.inner.deserialize(each, attr, data))
            except ma.ValidationError as exc:
                faults[index] = exc.messages
        if faults:
            raise ma.ValidationError(faults)
        if not found:
            raise self.make_error("null")
        return tuple(found)


class ExpressionText(ma.fields.Field[Expression]):
    """A text with expressions in it; ``check`` sees one that holds none."""

    def __init__(self, *, check: Callable[[str], str | None] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.check = check

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> Expression:
        text = scalar(value)
        if not text.strip() and self.required:
            raise self.make_error("null")
        problem = self.check(text) if self.check and "{" not in text else None
        if problem:
            refuse(problem)
        with _compiling():
            return compile_text(str(text))


class ConditionText(ma.fields.Field[Condition]):
    """An expression that holds or does not, without braces."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> Condition:
        text = scalar(value)
        if not text.strip():
            raise self.make_error("null")
        with _compiling():
            return compile_condition(str(text))


class Days(ma.fields.Field[timedelta | None]):
    """``90 days``, or ``none``."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> timedelta | None:
        text = scalar(value)
        if not text.strip():
            raise self.make_error("null")
        if text == NONE:
            return None
        found = DAYS.fullmatch(text)
        if not found:
            refuse(f'"{shown(text)}" is not allowed; allowed: none, or days, as in 90 days')
        return timedelta(days=int(found[1]))


class AgainRule(ma.fields.Field[Again]):
    """``never``, ``always``, or ``{after: 300 days}``."""

    _wrong = "is not allowed; allowed: never, always, {after: 300 days}"

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> Again:
        if isinstance(value, Mapping):
            return self._after(value)
        words = {kind.value: kind for kind in AgainKind if kind is not AgainKind.AFTER}
        if not isinstance(value, str) or value not in words:
            refuse(f"this {self._wrong}")
        return Again(kind=words[value])

    def _after(self, value: Mapping[str, Any]) -> Again:
        found = DAYS.fullmatch(str(value.get("after", "")))
        if set(value) != {"after"} or not found:
            refuse(f"this {self._wrong}")
        return Again(kind=AgainKind.AFTER, after=timedelta(days=int(found[1])))


class PeriodText(ma.fields.Field[Period]):
    """``2 years``, ``18 months`` or ``300 days``."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **options: Any) -> Period:
        text = scalar(value)
        try:
            return period(str(text))
        except ValueError:
            refuse(f'"{shown(text)}" is not allowed; allowed: a period such as {EXAMPLES}')


class Parameters(ma.fields.Field[dict[str, ParameterValue | Expression]]):
    """What a certificate template is given: names, and a text, a number or true/false each.

    A text may hold expressions.
    """

    def _deserialize(
        self, value: Any, attr: Any, data: Any, **options: Any
    ) -> dict[str, ParameterValue | Expression]:
        if not isinstance(value, Mapping):
            refuse("must hold names and values, e.g. {border: false}")
        found: dict[str, ParameterValue | Expression] = {}
        faults: dict[str, Any] = {}
        for name, given in value.items():
            try:
                found[name] = _parameter(given)
            except ma.ValidationError as exc:
                faults[name] = exc.messages
        if faults:
            raise ma.ValidationError(faults, valid_data=found)
        return found


def _parameter(given: Any) -> ParameterValue | Expression:
    text = scalar(given)
    if "{{" in text or "{%" in text:
        with _compiling():
            return compile_text(str(text))
    if text.kind == "truth":
        return text.lower() in ("true", "yes", "on")
    if text.kind == "number" and re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return float(text) if "." in text else int(text)
    return str(text)


def scalar(value: Any) -> Scalar:
    """Return a single value. Raises ma.ValidationError for a list, a group or nothing."""
    if isinstance(value, Scalar):
        return value
    found = {"list": "a list", "dict": "a group of keys"}.get(type(value).__name__, "nothing")
    refuse(f"must be a single value, not {found}")


def shown(text: str) -> str:
    """A value as an error text quotes it: on one line, not too long."""
    plain = " ".join(text.split())
    return plain if len(plain) <= 40 else plain[:39] + "…"


@contextmanager
def _compiling() -> Iterator[None]:
    try:
        yield
    except CompileError as exc:
        raise ma.ValidationError(list(exc.faults)) from exc
