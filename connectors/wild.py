"""Reading other people's JSON: every wrong turn is Malformed and names its path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from connectors.base import Json, Malformed

_DIGITS = re.compile(r"[0-9]{1,20}")
#: RFC 3339; Python itself takes week dates and more.
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_HALF = re.compile(r"[\ud800-\udfff]")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield key
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)


def _is_storable(text: str) -> bool:
    """Whether UTF-8 and every database take it; JSON can say what they cannot."""
    return "\0" not in text and not _HALF.search(text)


@dataclass(frozen=True, slots=True)
class Wild:
    """One value of a foreign document, and the way to it. Every method raises Malformed."""

    path: str
    value: Json

    @classmethod
    def load(cls, body: bytes | str) -> Wild:
        """The whole document; deeper or longer than Python reads counts as no JSON."""
        try:
            value = json.loads(body, parse_constant=_refuse_constant)
            storable = all(_is_storable(text) for text in _texts(value))
        except (ValueError, RecursionError) as exc:
            raise Malformed("$", "is no JSON") from exc
        if not storable:
            raise Malformed("$", "holds a text with half a character or a NUL in it")
        return cls("$", value)

    def __getitem__(self, key: str) -> Wild:
        """The member ``key`` of an object; it must be there, though it may be null."""
        members = self.object()
        path = f"{self.path}.{key}"
        if key not in members:
            raise Malformed(path, "is missing")
        return Wild(path, members[key])

    def get(self, key: str) -> Wild | None:
        """The member ``key`` of an object; None where it is missing or null."""
        return self[key] if self.object().get(key) is not None else None

    def items(self) -> Iterator[Wild]:
        """The elements of a list."""
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        for index, value in enumerate(self.value):
            yield Wild(f"{self.path}[{index}]", value)

    def object(self) -> dict[str, Json]:
        """The members of an object, untouched."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return self.value

    def text(self) -> str:
        """A text that is not empty and can be written down as UTF-8."""
        if not isinstance(self.value, str) or not self.value:
            raise self.wrong("a text that is not empty")
        return self.value

    def identifier(self) -> str:
        """A positive whole number, sent as a number or as its digits; as text."""
        value = self.value
        if isinstance(value, int):
            value = str(value) if abs(value) < 10**20 else ""
        if not isinstance(value, str) or not _DIGITS.fullmatch(value) or not int(value):
            raise self.wrong("a positive whole number")
        return str(int(value))

    def integer(self) -> int:
        """A whole number, sent as a number or as its digits."""
        number = self.decimal()
        if number != number.to_integral_value():
            raise self.wrong("a whole number")
        return int(number)

    def decimal(self) -> Decimal:
        """A number, sent as a number or as its digits, written exactly as it was printed."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float | str):
            raise self.wrong("a number")
        try:
            printed = str(self.value)
        except ValueError as exc:  # an integer of more digits than Python prints
            raise self.wrong("a number") from exc
        if isinstance(self.value, str) and not _NUMBER.fullmatch(printed):
            raise self.wrong("a number")
        try:
            number = Decimal(printed)
        except InvalidOperation as exc:
            raise self.wrong("a number") from exc
        if not number.is_finite() or number.adjusted() > 18:
            raise self.wrong("a number of reasonable size")
        return number

    def boolean(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return self.value

    def unix_time(self) -> datetime:
        """Seconds since 1970, sent as a number or as its digits; aware, UTC."""
        try:
            return datetime.fromtimestamp(self.integer(), tz=UTC)
        except (ValueError, OverflowError, OSError) as exc:
            raise self.wrong("a time in seconds since 1970") from exc

    def iso_time(self) -> datetime:
        """A date and time with its offset, as RFC 3339 writes it; aware."""
        expected = "a date and time such as 2026-11-23T09:30:00Z"
        if not _MOMENT.fullmatch(self.text()):
            raise self.wrong(expected)
        try:
            moment = datetime.fromisoformat(self.text())
        except ValueError as exc:
            raise self.wrong(expected) from exc
        if moment.utcoffset() is None:
            raise Malformed(self.path, "has no time zone; add Z or an offset such as +02:00")
        try:
            moment.astimezone(UTC)
        except OverflowError as exc:
            raise self.wrong("a date and time between the years 1 and 9999") from exc
        return moment

    def wrong(self, expected: str) -> Malformed:
        """The error to raise where this value is not what was expected."""
        return Malformed(self.path, f"should be {expected}")
