"""Spans of the calendar: leap days, months of different lengths, and the end of time."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.periods import period
from tests.mappings.strategies import periods


@pytest.mark.parametrize(
    ("day", "text", "expected"),
    [
        (date(2026, 11, 20), "2 years", date(2028, 11, 20)),
        (date(2024, 2, 29), "1 year", date(2025, 2, 28)),
        (date(2024, 2, 29), "4 years", date(2028, 2, 29)),
        (date(2096, 2, 29), "4 years", date(2100, 2, 28)),
        (date(2026, 1, 31), "1 month", date(2026, 2, 28)),
        (date(2027, 12, 31), "2 months", date(2028, 2, 29)),
        (date(2026, 10, 31), "14 months", date(2027, 12, 31)),
        (date(2026, 11, 20), "18 months", date(2028, 5, 20)),
        (date(2026, 11, 20), "300 days", date(2027, 9, 16)),
        (date(2027, 12, 31), "60 days", date(2028, 2, 29)),
        (date(9998, 1, 1), "3 years", date.max),
        (date(9999, 12, 1), "31 days", date.max),
    ],
)
def test_a_period_ends_on_the_same_day_or_the_months_last(
    day: date, text: str, expected: date
) -> None:
    assert expected == period(text).after(day)


@pytest.mark.parametrize(
    "text", ["1 day", "2 days", "1 month", "18 months", "1 year", "9999 years"]
)
def test_a_period_is_written_as_it_was_read(text: str) -> None:
    assert text == str(period(text))


@pytest.mark.parametrize("text", ["", "0 days", "2 weeks", "two years", "2  years", "-1 day"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no period"):
        period(text)


@given(periods, st.dates())
def test_a_period_ends_later_or_on_the_last_day_there_is(text: str, day: date) -> None:
    assert day < period(text).after(day) or date.max == period(text).after(day)
