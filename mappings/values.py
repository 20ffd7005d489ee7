"""What the names of an expression stand for in one completion; small, read-only, never undefined.

What the LMS does not tell is nil, and so is any part of nil. A value too large for a certificate
raises ExpressionError when it is used, so that no expression can be kept busy with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from connectors.base import Completion, Zone

TEXT_LIMIT = 4_000  #: characters
LIST_LIMIT = 1_000  #: members
SHOWN_LIMIT = 200  #: characters, or members, of a value that a person is shown
_PLAIN_DIGITS = 30
_HALVES = re.compile("[\ud800-\udfff]")


class ExpressionError(Exception):
    """An expression gives no result for this completion; ``problem`` says why."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class Number(Decimal):
    """A decimal that prints as people write it: 85.5, not 85.50000; 100, not 1E+2."""

    def __str__(self) -> str:
        if max(abs(self.adjusted()), abs(int(self.as_tuple().exponent))) > _PLAIN_DIGITS:
            return super().__str__()
        text = format(self, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text


class ZoneName(str):
    """The time zone of a completion; knows who said it."""

    source: str

    def __new__(cls, zone: Zone) -> ZoneName:
        """Its name."""
        made = super().__new__(cls, zone.name)
        made.source = zone.source
        return made


#: Where nobody has said any.
UTC_ZONE = Zone(name="UTC", source="default")


class Fields(Mapping[str, object]):
    """A group of names, such as ``learner``."""

    def __init__(self, name: str, data: Mapping[str, Any]) -> None:
        self._name = name
        self._data = data

    def __getitem__(self, key: str) -> object:
        return wrapped(f"{self._name}.{key}" if self._name else key, self._data[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    # By identity: comparing two large structures would take a time that no limit counts.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __str__(self) -> str:
        raise ExpressionError(f"{self._name} is a group of names: say which, e.g. {self._name}.id")


class Items(Sequence[object]):
    """A list, such as ``cohorts``."""

    def __init__(self, name: str, data: Sequence[Any]) -> None:
        if len(data) > LIST_LIMIT:
            raise ExpressionError(f"{name} has {len(data)} members; at most {LIST_LIMIT} are read")
        self._name = name
        self._data = data

    def __getitem__(self, index: Any) -> Any:
        return wrapped(f"{self._name}[{index}]", self._data[index])

    def __len__(self) -> int:
        return len(self._data)

    def __str__(self) -> str:
        raise ExpressionError(f"{self._name} is a list: put | join: ', ' after it")


def wrapped(name: str, value: object) -> object:
    """The value as an expression may see it. Raises ExpressionError if it is too large."""
    if value is None or isinstance(value, bool | datetime | Fields | Items | Number | ZoneName):
        return value
    if isinstance(value, str):
        # JSON can hold half a character ("\ud800"), UTF-8 cannot.
        return _HALVES.sub("", within_limit(value, name))
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return Fields(name, value)
    if isinstance(value, Sequence):
        return Items(name, value)
    raise ExpressionError(f"{name} is a {type(value).__name__}, which no expression can use")


def within_limit(text: str, name: str) -> str:
    """Return the text. Raises ExpressionError if it is longer than an expression may handle."""
    within_length(len(text), name)
    return text


def within_length(length: int, name: str) -> None:
    """Raise ExpressionError if a text of this length is longer than an expression may handle."""
    if length > TEXT_LIMIT:
        raise ExpressionError(f"{name} is {length} characters long; at most {TEXT_LIMIT}")


def text_of(value: object) -> str:
    """A value as it is printed, nothing for nil. Raises ExpressionError for what is no text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float | Decimal | Fields | Items):
        return within_limit(str(value), "a text")  # a group and a list say what to write instead
    raise ExpressionError(next(said for kind, said in _NO_TEXT if isinstance(value, kind)))


#: Of what an expression comes by besides, in its loops and by its filters.
_NO_TEXT: tuple[tuple[type, str], ...] = (
    (datetime, "a moment is no text: put | local_date: timezone after it first"),
    (list, "a list is no text: put | join: ', ' after it first"),
    (tuple, "a name with its value is no text: say which, by [0] or [1]"),
    (object, "this is no text, no number and neither true nor false"),
)


def shown(value: object) -> str | None:
    """A value as a person is shown it; None for nil. Raises ExpressionError if it is too large."""
    if isinstance(value, Items | Fields | list):
        return ", ".join(map(str, islice(value, SHOWN_LIMIT)))[:SHOWN_LIMIT]
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value is None else str(value)[:SHOWN_LIMIT]


def _number(value: int | float | Decimal) -> Number | None:
    # By way of the text: 60.1 as a binary fraction is not the 60.1 that someone wrote.
    number = Number(repr(value) if isinstance(value, float) else value)
    return number if number.is_finite() else None


def values_of(completion: Completion, *, site: str) -> Fields:
    """What every name of ``mappings.names`` stands for in this completion."""
    course, learner, grade = completion.course, completion.learner, completion.grade
    return Fields(
        "",
        {
            "course": _parts("course", course, "id code title category language timezone"),
            "learner": _parts(
                "learner",
                learner,
                "id full_name given_name family_name preferred_name legal_name "
                "email id_number language country custom",
            ),
            "grade": None
            if grade is None
            else _parts("grade", grade, "percent points maximum text"),
            "completed_at": completion.completed_at,
            "noticed_at": completion.noticed_at,
            "timezone": ZoneName(completion.zone or UTC_ZONE),
            "role": completion.role,
            "cohorts": completion.cohorts,
            "enrolled": completion.enrolled,
            "site": site,
            "extra": completion.extra,
        },
    )


def _parts(name: str, thing: object, attributes: str) -> Fields:
    return Fields(name, {part: getattr(thing, part) for part in attributes.split()})
