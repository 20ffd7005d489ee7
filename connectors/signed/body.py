"""The body of a signed delivery: what body.schema.json describes, as a completion.

A name that the schema does not know is refused, so that a misspelt one is noticed on the first
day and not on the first certificate without a name. Whatever else there is to tell goes in extra.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar
from zoneinfo import available_timezones

from connectors.base import NOTHING, Completion, Course, Grade, Json, Learner, Malformed
from connectors.wild import Wild

T = TypeVar("T")

COMPLETED = "course.completed"
_LONGEST_NAME = 200
_LARGEST = 10**15
_MESSAGE = frozenset({"type", "timestamp", "data"})
_DATA = frozenset(
    {"completed_at", "course", "learner", "grade", "role", "cohorts", "enrolled", "extra"}
)


def event_name(message: Wild) -> str:
    """The message's type. Raises Malformed."""
    return message["type"].text()[:_LONGEST_NAME]


def completions(message: Wild) -> Sequence[Completion]:
    """The completion in a message; none for a type that is not wanted. Raises Malformed."""
    if message["type"].text() != COMPLETED:
        return []
    _only(message, _MESSAGE)
    data = message["data"]
    _only(data, _DATA)
    return [
        Completion(
            course=_course(data["course"]),
            learner=_learner(data["learner"]),
            noticed_at=message["timestamp"].iso_time(),
            completed_at=data["completed_at"].iso_time(),
            grade=_optional(data, "grade", _grade),
            role=_optional(data, "role", Wild.text),
            cohorts=_optional(data, "cohorts", _cohorts) or (),
            enrolled=_optional(data, "enrolled", _enrolled),
            extra=_optional(data, "extra", Wild.object) or NOTHING,
        )
    ]


_COURSE = frozenset({"id", "code", "title", "category", "language"})
_ZONE = "timezone"
_LEARNER = frozenset(
    {
        "id",
        "full_name",
        "given_name",
        "family_name",
        "preferred_name",
        "legal_name",
        "email",
        "id_number",
        "language",
        "country",
    }
)


def _course(given: Wild) -> Course:
    texts = _texts(given, _COURSE, needed="id", besides=frozenset({_ZONE}))
    return Course(**texts, timezone=_optional(given, _ZONE, _zone))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _zone(given: Wild) -> str:
    name = given.text()
    if name not in _zones():
        raise given.wrong("a time zone such as Asia/Dubai")
    return name


def _learner(given: Wild) -> Learner:
    texts = _texts(given, _LEARNER, needed="id", besides=frozenset({"custom"}))
    return Learner(**texts, custom=_optional(given, "custom", _custom) or NOTHING)


def _texts(
    given: Wild, names: frozenset[str], *, needed: str, besides: frozenset[str] = frozenset()
) -> dict[str, Any]:
    _only(given, names | besides)
    texts = {name: _optional(given, name, Wild.text) for name in names}
    return {**texts, needed: given[needed].text()}


def _grade(given: Wild) -> Grade:
    _only(given, frozenset({"percent", "points", "maximum", "text"}))
    return Grade(
        percent=_optional(given, "percent", _percent),
        points=_optional(given, "points", _number),
        maximum=_optional(given, "maximum", _number),
        text=_optional(given, "text", Wild.text),
    )


def _number(given: Wild) -> Any:
    if isinstance(given.value, str):
        raise given.wrong("a number, not a text")
    number = given.decimal()
    if abs(number) > _LARGEST:
        raise given.wrong("a number of reasonable size")
    return number


def _percent(given: Wild) -> Any:
    percent = _number(given)
    if not 0 <= percent <= 100:
        raise given.wrong("from 0 to 100")
    return percent


def _enrolled(given: Wild) -> int:
    number = _number(given)
    if number < 0 or number != int(number):
        raise given.wrong("a whole number, 0 or more")
    return int(number)


def _cohorts(given: Wild) -> tuple[str, ...]:
    return tuple(cohort.text() for cohort in given.items())


def _custom(given: Wild) -> dict[str, str]:
    return {name: given[name].text() for name in given.object()}


def _optional(given: Wild, name: str, read: Callable[[Wild], T]) -> T | None:
    member = given.get(name)
    return None if member is None else read(member)


def _only(given: Wild, known: frozenset[str]) -> None:
    unknown: set[str] = set(given.object()) - known
    if unknown:
        first: Json = min(unknown)
        raise Malformed(f"{given.path}.{first}", f"is not among {', '.join(sorted(known))}")
