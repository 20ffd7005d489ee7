"""Fields that several requests and answers of the API share, and what keeps them in bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import marshmallow as ma
from webargs.flaskparser import FlaskParser

from bridge.people.roles import Limits

#: What a page of a list has at most, and unless it is asked for.
MOST, USUAL = 200, 50
#: PostgreSQL keeps no NUL in a text; and a name of several lines is none.
_PRINTABLE = "^[^\\x00-\\x1f\\x7f]*$"
_BLOCK = "^[^\\x00]*$"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Parser(FlaskParser):
    """Reads requests strictly: a filter that is misspelt would otherwise find everything."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"json": ma.RAISE, "query": ma.RAISE}


class Text(ma.fields.String):
    """Text of one line that a database takes, without spaces around it."""

    def __init__(self, longest: int, *, least: int = 0, block: bool = False, **more: Any) -> None:
        told = {"pattern": _BLOCK if block else _PRINTABLE, **more.pop("metadata", {})}
        checks: list[Callable[[Any], Any]] = [ma.validate.Length(least, longest)]
        super().__init__(validate=checks, metadata=told, **more)
        self._pattern = re.compile(told["pattern"].removesuffix("$") + r"\Z")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> str:
        text = super()._deserialize(value, attr, data, **more)
        if not self._pattern.match(text) or _is_torn(text):
            raise ma.ValidationError("It has a character that cannot be kept. Leave it out.")
        return text


def _is_torn(text: str) -> bool:
    """Whether it has half of a character, as JSON can say it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


class Whole(ma.fields.Integer):
    """A whole number in JSON: 5 and 5.0, which are one number there, but not "5"."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return value


class Flag(ma.fields.Boolean):
    """True or false in JSON, and not what may stand for it elsewhere."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Body(ma.Schema):
    """A body of a request, in which nothing stands that is not known."""

    class Meta:
        unknown = ma.RAISE


def reason(*, required: bool = False) -> Text:
    """Why it is done, for the history."""
    return Text(
        1000,
        least=1,
        required=required,
        load_default=ma.missing if required else None,
        metadata={"description": "Why, for the history."},
    )


class Nothing(Body):
    """A body that says nothing."""


class Reasoned(Body):
    """Why something is done."""

    reason = reason()


class WithReason(Body):
    """Why something is done, which has to be said."""

    reason = reason(required=True)


class PageQuery(ma.Schema):
    """Which part of a list."""

    cursor = Text(
        64,
        least=1,
        load_default=None,
        metadata={"description": "`next` of the page before; leave it out for the first."},
    )
    limit = ma.fields.Integer(
        load_default=USUAL,
        validate=ma.validate.Range(1, MOST),
        metadata={"description": "How many at most."},
    )


class LimitsSchema(Body):
    """To which issuers, sites and courses something is limited; a kind that is empty is not."""

    issuers = ma.fields.List(Text(64, least=1), validate=ma.validate.Length(max=100))
    sites = ma.fields.List(Text(64, least=1), validate=ma.validate.Length(max=100))
    courses = ma.fields.List(
        Text(
            320,
            least=3,
            metadata={"pattern": "^[^\\x00-\\x1f\\x7f/]+/[^\\x00-\\x1f\\x7f]+$"},
        ),
        validate=ma.validate.Length(max=100),
        metadata={"description": "SITE/COURSE, by the course's id at the LMS."},
    )


def limits_of(given: Mapping[str, Sequence[str]] | None) -> Limits:
    """Limits, as a request tells them."""
    return Limits(**{kind: frozenset(names) for kind, names in (given or {}).items()})


def page_of(item: type[ma.Schema]) -> type[ma.Schema]:
    """The schema of a page of such items."""
    name = item.__name__
    made = {
        "__doc__": f"A page of a list: {(item.__doc__ or name).strip().rstrip('.')}.",
        "items": ma.fields.List(ma.fields.Nested(item), required=True),
        "next": ma.fields.String(
            required=True,
            allow_none=True,
            metadata={"description": "The `cursor` of the next page; null at the end."},
        ),
    }
    # As a class statement would: marshmallow knows a schema by its name.
    return type(f"{name}Page", (ma.Schema,), made)


def page(
    rows: Sequence[Any],
    limit: int,
    *,
    told: Callable[[Any], Any] = lambda row: row,
    cursor: Callable[[Any], str] = lambda row: str(row.id),
) -> dict[str, Any]:
    """A page of rows, of which one more than ``limit`` was read."""
    shown = rows[:limit]
    return {
        "items": [told(row) for row in shown],
        "next": cursor(shown[-1]) if len(rows) > limit else None,
    }
