"""What each filter does. All take nil; ExpressionError says what they cannot take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from mappings import locales, people
from mappings.locales import day_in, language_problem, spelled, style_problem, zone_problem
from mappings.values import (
    LIST_LIMIT,
    ExpressionError,
    Items,
    Number,
    text_of,
    within_length,
    within_limit,
)

NAME_LIMIT = 255  #: characters of a name that the filters for names take


def default(value: object, instead: object) -> object:
    """The value, or another where there is none: nil, false, blank, or an empty list."""
    return instead if _missing(value) else value


def upcased(value: object) -> str:
    """All letters large."""
    return text_of(value).upper()


def downcased(value: object) -> str:
    """All letters small."""
    return text_of(value).lower()


def capitalized(value: object) -> str:
    """The first letter large, all others small."""
    return text_of(value).capitalize()


def name_cased(value: object, language: object = "") -> str:
    """A person's name with large and small letters as in print."""
    return people.cased(_person(value), text_of(language))


def given_first(value: object) -> str:
    """``Family, Given`` turned about."""
    return people.given_first(_person(value))


def with_family(value: object, family: object, language: object = "") -> str:
    """A given name and a family name in the order of a language."""
    return people.together(_person(value).strip(), _person(family).strip(), text_of(language))


def stripped(value: object) -> str:
    """Without white space at its ends."""
    return text_of(value).strip()


def appended(value: object, addition: object) -> str:
    """With a text after it."""
    return text_of(value) + text_of(addition)


def prepended(value: object, addition: object) -> str:
    """With a text before it."""
    return text_of(addition) + text_of(value)


def replaced(value: object, old: object, new: object = "") -> str:
    """Every occurrence of one text replaced by another; removed where none is given."""
    text, out, into = text_of(value), text_of(old), text_of(new)
    if not out:
        return text
    # Looked at before it is built: a text replaced by itself, again and again, fills any memory.
    within_length(len(text) + text.count(out) * (len(into) - len(out)), "a text")
    return text.replace(out, into)


def truncated(value: object, length: object) -> str:
    """At most so many characters, the last an ellipsis where some were cut."""
    text, most = text_of(value), _whole(length, "the length of truncate", most=1_000)
    return text if len(text) <= most else text[: max(most - 1, 0)].rstrip() + "…"[:most]


def split(value: object, separator: object) -> list[str]:
    """The parts of a text, trimmed, without empty ones."""
    text, between = text_of(value), text_of(separator)
    parts = text.split(between) if between else list(text)
    if len(parts) > LIST_LIMIT:
        raise ExpressionError(f"split gives {len(parts)} parts; at most {LIST_LIMIT}")
    return [part.strip() for part in parts if part.strip()]


def joined(value: object, separator: object) -> str:
    """A list as one text."""
    return within_limit(text_of(separator).join(map(text_of, _members(value))), "a text")


def end(index: int) -> Callable[[object], object]:
    """The filter that gives one end of a list; nil for an empty one."""

    def end(value: object) -> object:
        members = _members(value)
        return members[index] if members else None

    return end


def size(value: object) -> Number:
    """How many members, or characters."""
    return Number(len(value) if isinstance(value, list | Items) else len(text_of(value)))


def rounded(value: object, digits: object = 0) -> Number | None:
    """A number with so many digits after the point; a half goes up."""
    if value is None or value == "":
        return None
    places = _whole(digits, "the digits of round", most=6)
    try:
        number = Decimal(text_of(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    except InvalidOperation as exc:
        raise ExpressionError(f"round cannot read {_shown(value)} as a number") from exc
    if not number.is_finite():
        raise ExpressionError(f"round cannot read {_shown(value)} as a number")
    return Number(number)


def local_date(value: object, zone: object) -> str | None:
    """The day of a moment in a time zone, as 2026-05-17; nil for nil."""
    if value is None or value == "":
        return None
    _refuse(zone_problem(text_of(zone)))
    try:
        return day_in(moment(value), text_of(zone)).isoformat()
    except (ValueError, OverflowError) as exc:
        raise ExpressionError(f"local_date cannot read {_shown(value)}") from exc


def format_date(value: object, language: object, style: object = "long") -> str | None:
    """A day such as 2026-05-17 in words of a language; nil for nil."""
    if value is None or value == "":
        return None
    _refuse(language_problem(text_of(language)))
    _refuse(style_problem(text_of(style)))
    try:
        return spelled(date.fromisoformat(text_of(value)), text_of(language), text_of(style))
    except ValueError as exc:
        raise ExpressionError(
            f"format_date cannot read {_shown(value)}: it takes a date like 2026-05-17, "
            "as local_date gives it"
        ) from exc


def page_language(value: object, instead: object) -> str:
    """The language if a page can be printed in it, else another."""
    return locales.page_language(text_of(value)) or text_of(instead)


def _missing(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, list | Items):
        return not len(value)
    return value is None or value is False


def _person(value: object) -> str:
    text = text_of(value)
    if len(text) > NAME_LIMIT:
        raise ExpressionError(f"no name is {len(text)} characters long; at most {NAME_LIMIT}")
    return text


def _whole(value: object, what: str, *, most: int) -> int:
    try:
        number = int(text_of(value))
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise ExpressionError(f"{what} must be a whole number from 0 to {most}")
    return number


def _members(value: object) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list | Items):
        return list(value)
    raise ExpressionError("only a list can be taken apart here; | split: ',' makes one of a text")


def moment(value: object) -> datetime:
    """A moment, also one that is written out. Raises ValueError."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(text_of(value))
    if found.utcoffset() is None:
        raise ValueError
    return found


def _shown(value: object) -> str:
    return f'"{str(value)[:40]}"'


def _refuse(problem: str | None) -> None:
    if problem:
        raise ExpressionError(problem)
