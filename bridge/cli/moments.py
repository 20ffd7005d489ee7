"""Moments as they are typed: a date, a date and time, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

_AGO = re.compile(r"(\d{1,4})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str) -> datetime | None:
    """A date (its first moment) or a date and time in ISO 8601; UTC where no zone is given."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Moment(click.ParamType[datetime]):
    """``2026-11-01`` or ``2026-11-01T08:00+04:00``."""

    name = "date"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        found = moment(str(value))
        if found is None:
            self.fail(f"{value!r} is no date such as 2026-11-01 or 2026-11-01T08:00+04:00")
        return found


class Ago(click.ParamType["timedelta | datetime"]):
    """``30d``: how long ago, in minutes, hours, days or weeks."""

    name = "span"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | datetime:
        if isinstance(value, timedelta | datetime):
            return value
        ago = _AGO.fullmatch(str(value))
        if ago is not None:
            return timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = moment(str(value))
        if found is None:
            self.fail(f"{value!r} is neither a span such as 30d, 12h, 2w nor a date")
        return found
