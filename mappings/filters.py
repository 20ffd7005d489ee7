"""The filters an expression may use: a closed set, each with its cost and its example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from mappings.locales import (
    day_in,
    language_problem,
    spelled,
    style_problem,
    zone_problem,
)
from mappings.values import LIST_LIMIT, ExpressionError, Items, Number, within_length, within_limit

Check = Callable[[str], "str | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter; ``checks`` look at arguments that are written out, when the document is read."""

    name: str
    apply: Callable[..., object]
    arguments: tuple[str, ...] = ()  #: what each is, as an error text calls it
    optional: int = 0  #: how many of the last arguments may be left out
    checks: tuple[Check, ...] = ()
    cost: int = 1  #: steps, see ``limits``
    example: str
    result: str  #: of the example, for the completion in docs/mappings.md


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
        raise ExpressionError("a moment is no text: put | local_date: 'Asia/Dubai' after it first")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        raise ExpressionError("a list is no text: put | join: ', ' after it first")
    return within_limit(str(value), "a text")


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


def _default(value: object, instead: object) -> object:
    return instead if _missing(value) else value


def _replaced(value: object, old: object, new: object = "") -> str:
    text, out, into = _text(value), _text(old), _text(new)
    if not out:
        return text
    # Looked at before it is built: a text replaced by itself, again and again, fills any memory.
    within_length(len(text) + text.count(out) * (len(into) - len(out)), "a text")
    return text.replace(out, into)


def _truncated(value: object, length: object) -> str:
    text, most = _text(value), _whole(length, "the length of truncate", most=1_000)
    return text if len(text) <= most else text[: max(most - 1, 0)].rstrip() + "…"[:most]


def _split(value: object, separator: object) -> list[str]:
    text, between = _text(value), _text(separator)
    parts = text.split(between) if between else list(text)
    if len(parts) > LIST_LIMIT:
        raise ExpressionError(f"split gives {len(parts)} parts; at most {LIST_LIMIT}")
    return [part.strip() for part in parts if part.strip()]


def _joined(value: object, separator: object) -> str:
    return within_limit(_text(separator).join(map(_text, _members(value))), "a text")


def _end(index: int) -> Callable[[object], object]:
    def end(value: object) -> object:
        members = _members(value)
        return members[index] if members else None

    return end


def _size(value: object) -> Number:
    return Number(len(value) if isinstance(value, list | Items) else len(_text(value)))


def _rounded(value: object, digits: object = 0) -> Number | None:
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


def _local_date(value: object, zone: object) -> str | None:
    if value is None or value == "":
        return None
    _refuse(zone_problem(_text(zone)))
    try:
        return day_in(_moment(value), _text(zone)).isoformat()
    except (ValueError, OverflowError) as exc:
        raise ExpressionError(f"local_date cannot read {_shown(value)}") from exc


def _moment(value: object) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(_text(value))
    if moment.utcoffset() is None:
        raise ValueError
    return moment


def _format_date(value: object, language: object, style: object = "long") -> str | None:
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


def _shown(value: object) -> str:
    return f'"{str(value)[:40]}"'


def _refuse(problem: str | None) -> None:
    if problem:
        raise ExpressionError(problem)


_ALL = (
    Filter(
        name="default",
        apply=_default,
        arguments=("what to take instead",),
        example="{{ learner.custom.diploma_name | default: learner.full_name }}",
        result="Amina Al Hashimi",
    ),
    Filter(
        name="local_date",
        apply=_local_date,
        arguments=("a time zone",),
        checks=(zone_problem,),
        cost=10,
        example="{{ completed_at | local_date: 'Asia/Dubai' }}",
        result="2026-05-18",
    ),
    Filter(
        name="format_date",
        apply=_format_date,
        arguments=("a language", "a date style"),
        optional=1,
        checks=(language_problem, style_problem),
        cost=100,
        example="{{ completed_at | local_date: 'Asia/Dubai' | format_date: 'fr' }}",
        result="18 mai 2026",
    ),
    Filter(
        name="round",
        apply=_rounded,
        arguments=("how many digits",),
        optional=1,
        example="{{ grade.percent | round }}",
        result="88",
    ),
    Filter(
        name="upcase",
        apply=lambda value: _text(value).upper(),
        example="{{ learner.family_name | upcase }}",
        result="AL HASHIMI",
    ),
    Filter(
        name="downcase",
        apply=lambda value: _text(value).lower(),
        example="{{ learner.email | downcase }}",
        result="amina@example.edu",
    ),
    Filter(
        name="capitalize",
        apply=lambda value: _text(value).capitalize(),
        example="{{ role | capitalize }}",
        result="Student",
    ),
    Filter(
        name="strip",
        apply=lambda value: _text(value).strip(),
        example="{{ course.title | remove: 'Introduction to' | strip }}",
        result="Biology",
    ),
    Filter(
        name="append",
        apply=lambda value, end: _text(value) + _text(end),
        arguments=("a text",),
        example="{{ grade.percent | append: ' %' }}",
        result="87.5 %",
    ),
    Filter(
        name="prepend",
        apply=lambda value, start: _text(start) + _text(value),
        arguments=("a text",),
        example="{{ course.code | prepend: 'Course ' }}",
        result="Course BIO-101",
    ),
    Filter(
        name="replace",
        apply=_replaced,
        arguments=("a text to look for", "a text to put there"),
        example="{{ course.code | replace: '-', ' ' }}",
        result="BIO 101",
    ),
    Filter(
        name="remove",
        apply=_replaced,
        arguments=("a text to look for",),
        example="{{ course.code | remove: 'BIO-' }}",
        result="101",
    ),
    Filter(
        name="truncate",
        apply=_truncated,
        arguments=("a length",),
        example="{{ course.title | truncate: 13 }}",
        result="Introduction…",
    ),
    Filter(
        name="split",
        apply=_split,
        arguments=("a separator",),
        example="{{ course.code | split: '-' | first }}",
        result="BIO",
    ),
    Filter(
        name="join",
        apply=_joined,
        arguments=("a separator",),
        example="{{ cohorts | join: ', ' }}",
        result="nurses-2026, night-shift",
    ),
    Filter(
        name="first",
        apply=_end(0),
        example="{{ cohorts | first }}",
        result="nurses-2026",
    ),
    Filter(
        name="last",
        apply=_end(-1),
        example="{{ cohorts | last }}",
        result="night-shift",
    ),
    Filter(
        name="size",
        apply=_size,
        example="{{ cohorts | size }}",
        result="2",
    ),
)

FILTERS = {each.name: each for each in _ALL}
