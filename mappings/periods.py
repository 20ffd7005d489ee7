"""Spans of the calendar, such as how long a certificate is valid: days, months and years."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

PERIOD = re.compile(r"([1-9][0-9]{0,3}) (day|month|year)s?")
EXAMPLES = '"2 years", "18 months" or "300 days"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """So many days, months or years."""

    count: int
    unit: str  #: "day", "month" or "year"

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'s' if self.count != 1 else ''}"

    def after(self, day: date) -> date:
        """The same day that much later; of a month without such a day its last.

        Nothing is later than the last day there is, in the year 9999.
        """
        if self.unit == "day":
            return day + min(timedelta(days=self.count), date.max - day)
        months = day.year * 12 + day.month - 1 + self.count * (12 if self.unit == "year" else 1)
        if months // 12 > date.max.year:
            return date.max
        first = date(months // 12, months % 12 + 1, 1)
        return first + timedelta(days=min(day.day, _length(first)) - 1)


def period(text: str) -> Period:
    """Read ``2 years``, ``18 months`` or ``300 days``. Raises ValueError."""
    found = PERIOD.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no period")
    return Period(count=int(found[1]), unit=found[2])


def _length(first: date) -> int:
    """How many days the month of its first day has."""
    if first.month == 12:
        return 31
    return (first.replace(month=first.month + 1) - first).days
