"""When a site has fallen silent, by its own history."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bridge.pipeline.telling.silence import LEAST_DELIVERIES, is_silent
from tests.bridge.world import NOON

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def busy(*, days: int = 28, hours: range = range(8, 18), weekends: bool = True) -> list[datetime]:
    """Deliveries by the hour of day, up to yesterday evening."""
    start = NOON.replace(hour=0) - days * DAY
    return [
        start + day * DAY + hour * HOUR
        for day in range(days)
        for hour in hours
        if weekends or (start + day * DAY).weekday() < 5
    ]


def silent(history: list[datetime], *, hours: float) -> bool:
    heard = history[-1]
    return is_silent(history, heard=heard, now=heard + timedelta(hours=hours), least=DAY)


@pytest.mark.parametrize(
    ("hours", "expected"), [(14, False), (23.9, False), (24, True), (90, True)]
)
def test_a_site_that_rests_at_night_is_silent_after_a_day(hours: float, *, expected: bool) -> None:
    assert expected is silent(busy(), hours=hours)


@pytest.mark.parametrize(("hours", "expected"), [(24, False), (63, False), (94, False), (95, True)])
def test_a_site_that_rests_on_weekends_is_given_half_as_long_again(
    hours: float, *, expected: bool
) -> None:
    # Friday 17:00 to Monday 8:00 are 63 hours.
    assert expected is silent(busy(weekends=False), hours=hours)


def test_a_site_that_sends_little_or_on_few_days_is_never_silent() -> None:
    assert not silent(busy(hours=range(8, 9))[: LEAST_DELIVERIES - 1], hours=2000)
    assert not silent(busy(days=2, hours=range(24)), hours=2000)
    assert not is_silent([], heard=NOON, now=NOON + 90 * DAY, least=DAY)


def test_what_is_heard_beside_deliveries_counts() -> None:
    history = busy()
    heard = history[-1] + 20 * HOUR

    assert not is_silent(history, heard=heard, now=heard + 23 * HOUR, least=DAY)
