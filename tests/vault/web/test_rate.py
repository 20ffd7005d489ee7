"""A token's rate: so many requests a minute, told in every answer."""

from __future__ import annotations

from collections.abc import Iterator
from time import time

import httpx
import pytest

from runtime.allowances import RateLimit
from tests.vault.world import World
from vault.addresses import API


class Clock:
    """Time, as the test says."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limited(world: World, clock: Clock) -> Iterator[httpx.Client]:
    """ABC University, which may make three requests a minute."""
    world.app.extensions["rate_limit"] = RateLimit(3, monotonic=clock)
    with world.client(world.token(world.institution("ABC University"))) as client:
        yield client


def rate(answer: httpx.Response) -> tuple[int, str, str, str | None]:
    """What an answer says of the rate."""
    headers = answer.headers
    return (
        answer.status_code,
        headers["X-RateLimit-Limit"],
        headers["X-RateLimit-Remaining"],
        headers.get("Retry-After"),
    )


def test_a_token_is_told_what_is_left_and_when_to_come_again(
    limited: httpx.Client, clock: Clock
) -> None:
    first = [rate(limited.get(API)) for _ in range(3)]
    clock.now += 20.5
    until = int(time()) + 40
    over = limited.get(API)
    clock.now += 39.5

    assert [(200, "3", "2", None), (200, "3", "1", None), (200, "3", "0", None)] == first
    assert (429, "3", "0", "40") == rate(over)
    assert until <= int(over.headers["X-RateLimit-Reset"]) <= time() + 40
    assert {"message": "Too Many Attempts."} == over.json()
    assert (200, "3", "2", None) == rate(limited.get(API))


def test_each_token_has_its_own_count(world: World, limited: httpx.Client) -> None:
    for _ in range(4):
        limited.get(API)

    with world.client(world.token(1)) as other:
        assert 200 == other.get(API).status_code
    assert 429 == limited.get(API).status_code


def test_a_refused_answer_is_counted_and_a_stranger_is_not(
    world: World, limited: httpx.Client
) -> None:
    missing = limited.get(f"{API}/9e7860f0-05d1-4fd0-b3e0-e98e19f1cf15")
    with world.client("vault_wrong") as stranger:
        answer = stranger.get(API)

    assert (404, "3", "2", None) == rate(missing)
    assert "X-RateLimit-Limit" not in answer.headers


def test_the_limit_is_the_setting(world: World, client: httpx.Client) -> None:
    assert (
        str(world.vault.settings.requests_per_minute)
        == (client.get(API).headers["X-RateLimit-Limit"])
    )
