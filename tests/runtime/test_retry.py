"""Waits double, have an upper bound, and respect what the other side asks for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runtime.retry import Backoff

POLICY = Backoff(first=timedelta(seconds=10), longest=timedelta(minutes=5))


def test_waits_double_up_to_the_longest() -> None:
    expected = [10, 10, 20, 40, 80, 160, 300, 300]

    assert expected == [POLICY.wait(tries).total_seconds() for tries in range(8)]


@pytest.mark.parametrize("first", [timedelta(seconds=1), timedelta(days=1), timedelta(days=9999)])
def test_no_number_of_tries_overflows(first: timedelta) -> None:
    policy = Backoff(first=first, longest=timedelta(days=10_000))

    assert timedelta(days=10_000) == policy.wait(10**6)


def test_never_earlier_than_the_other_side_asks() -> None:
    hour = timedelta(hours=1)

    assert hour == POLICY.wait(1, at_least=hour)
    assert timedelta(seconds=40) == POLICY.wait(3, at_least=timedelta(seconds=5))
