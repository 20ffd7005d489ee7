"""What each filter does. All take nil; ExpressionError says what they cannot take."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from mappings import locales, people
from mappings.locales import day_in, language_problem, spelled, style_problem, zone_problem
from mappings.values import LIST_LIMIT, ExpressionError, Items, Number, within_length, within_limit

NAME_LIMIT = 255  #: characters of a name that the filters for names take


def default(value: object, instead: object) -> object:
    """The value, or another where there is none: nil, false, blank, or an empty list."""
    return instead if _missing(value) else value


def upcased(value: object) -> str:
    """All letters large."""
    return _text(value).upper()


def downcased(value: object) -> str:
    """All letters small."""
    return _text(value).lower()


def capitalized(value: object) -> str:
    """The first letter large, all others small."""
    return _text(value).capitalize()


def name_cased(value: object, language: object = "") -> str:
    """A person's name with large and small letters as in print."""
    return people.cased(_person(value), _text(language))


def given_first(value: object) -> str:
    """``Family, Given`` turned about."""
    return people.given_first(_person(value))


def with_family(value: object, family: object, language: object = "") -> str:
    """A given name and a family name in the order of a language."""
    return people.together(_person(value).strip(), _person(family).strip(), _text(language))


def stripped(value: object) -> str:
    """Without white space at its ends."""
    return _text(value).strip()


def appended(value: object, addition: object) -> str:
    """With a text after it."""
    return _text(value) + _text(addition)


def prepended(value: object, addition: object) -> str:
    """With a text before it."""
    return _text(addition) + _text(value)


def replaced(value: object, old: object, new: object = "") -> str:
    """Every occurrence of one text replaced by another; removed where none is given."""
    text, out, into = _text(value), _text(old), _text(new)
    if not out:
        return text
    # Looked at before it is built: a text replaced by itself, again and again, fills any memory.
    within_length(len(text) + text.count(out) * (len(into) - len(out)), "a text")
    return text.replace(out, into)


def truncated(value: object, length: object) -> str:
    """At most so many characters, the last an ellipsis where some were cut."""
    text, most = _text(value), _whole(length, "the length of truncate", most=1_000)
    return text if len(text) <= most else text[: max(most - 1, 0)].rstrip() + "…"[:most]


def split(value: object, separator: object) -> list[str]:
    """The parts of a text, trimmed, without empty ones."""
    text, between = _text(value), _text(separator)
    parts = text.split(between) if between else list(text)
    if len(parts) > LIST_LIMIT:
        raise ExpressionError(f"split gives {len(parts)} parts; at most {LIST_LIMIT}")
    return [part.strip() for part in parts if part.strip()]


def joined(value: object, separator: object) -> str:
    """A list as one text."""
    return within_limit(_text(separator).join(map(_text, _members(value))), "a text")


def end(index: int) -> Callable[[object], object]:
    """The filter that gives one end of a list; nil for an empty one."""

    def end(value: object) -> object:
        members = _members(value)
        return members[index] if members else None

    return end


def size(value: object) -> Number:
    """How many members, or characters."""
    return Number(len(value) if isinstance(value, list | Items) else len(_text(value)))


def rounded(value: object, digits: object = 0) -> Number | None:
    """A number with so many digits after the point; a half goes up."""
    if value is None or value == "":
        return None
    places = _whole(digits, "the digits of round", most=6)
    try:
        number = Decimal(_text(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    except InvalidOperation as exc:
        raise ExpressionError(f"round cannot read {_shown(value)} as a number") from exc
    if not number.is_finite():
        raise ExpressionError(f"round cannot read {_shown(value)} as a number")
    return Number(number)


def local_date(value: object, zone: object) -> str | None:
    """The day of a moment in a time zone, as 2026-05-17; nil for nil."""
    if value is None or value == "":
        return None
    _refuse(zone_problem(_text(zone)))
    try:
        return day_in(moment(value), _text(zone)).isoformat()
    except (ValueError, OverflowError) as exc:
        raise ExpressionError(f"local_date cannot read {_shown(value)}") from exc


def format_date(value: object, language: object, style: object = "long") -> str | None:
    """A day such as 2026-05-17 in words of a language; nil for nil."""
    if value is None or value == "":
        return None
    _refuse(language_problem(_text(language)))
    _refuse(style_problem(_text(style)))
    try:
        return spelled(date.fromisoformat(_text(value)), _text(language), _text(style))
    except ValueError as exc:
        raise ExpressionError(
            f"format_date cannot read {_shown(value)}: it takes a date like 2026-05-17, "
            "as local_date gives it"
        ) from exc


def page_language(value: object, instead: object) -> str:
    """The language if a page can be printed in it, else another."""
    return locales.page_language(_text(value)) or _text(instead)


def _missing(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, list | Items):
        return not len(value)
    return value is None or value is False


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        raise ExpressionError("a moment is no text: put | local_date: timezone after it first")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        raise ExpressionError("a list is no text: put | join: ', ' after it first")
    return within_limit(str(value), "a text")


def _person(value: object) -> str:
    text = _text(value)
    if len(text) > NAME_LIMIT:
        raise ExpressionError(f"no name is {len(text)} characters long; at most {NAME_LIMIT}")
    return text


def _whole(value: object, what: str, *, most: int) -> int:
    try:
        number = int(_text(value))
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
    found = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    if found.utcoffset() is None:
        raise ValueError
    return found


def _shown(value: object) -> str:
    return f'"{str(value)[:40]}"'


def _refuse(problem: str | None) -> None:
    if problem:
        raise ExpressionError(problem)
