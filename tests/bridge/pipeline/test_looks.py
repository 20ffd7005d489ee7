"""When what stands in a gradebook is looked at again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.pipeline.looks import next_look

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def row(course: str = "42", *, days: float = 0) -> Any:
    written = NOW - timedelta(days=days)
    return SimpleNamespace(site_id="st_1", course_id=course, written_at=written)


def wait(course: str, *, days: float = 0, now: datetime = NOW) -> timedelta:
    return next_look(row(course, days=days), every=DAY, now=now) - now


@given(st.text(max_size=20), st.integers(10**9, 3 * 10**9))
def test_what_is_new_is_looked_at_within_half_a_day_and_a_day_and_a_half(
    course: str, seconds: int
) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    at = next_look(
        SimpleNamespace(site_id="st_1", course_id=course, written_at=now), every=DAY, now=now
    )

    assert DAY / 2 <= at - now + timedelta(seconds=1)
    assert at - now <= 1.5 * DAY + timedelta(seconds=1)


def test_all_rows_of_a_course_are_looked_at_together_however_they_were_written() -> None:
    """Rows of the last month: at one moment each day, so that a call tells of all."""
    moments = {
        next_look(row(days=age), every=DAY, now=NOW + timedelta(minutes=minutes)).time()
        for age in (0, 1, 7, 29)
        for minutes in (0, 5, 600)
    }

    assert 1 == len(moments)


def test_courses_are_spread_over_the_period() -> None:
    hours = [0] * 24
    for number in range(2400):
        at = next_look(row(str(number)), every=DAY, now=NOW)
        hours[at.hour] += 1

    assert min(hours) > 50
    assert max(hours) < 200


def test_the_longer_it_has_stood_the_less_often_it_is_looked_at() -> None:
    waits = {days: wait("42", days=days) / DAY for days in (10, 60, 300, 3000)}

    assert 0.5 <= waits[10] <= 1.5
    assert 1.5 <= waits[60] <= 2.5
    assert 9.5 <= waits[300] <= 10.5
    assert 99.5 <= waits[3000] <= 100.5


def test_a_hundred_thousand_rows_of_three_years_are_some_ten_thousand_looks_a_day() -> None:
    looks = sum(DAY / max(DAY, timedelta(days=age) / 30) for age in range(3 * 365))
    share = looks / (3 * 365)

    assert 0.10 < share < 0.13
