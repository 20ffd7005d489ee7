"""The first page, the queue and the settings: how everything is, and what is said of trouble."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge import overview
from bridge.people.roles import Role
from bridge.store import tables
from runtime.bell import Bell
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import World


def test_the_way_tells_what_passed_each_step_and_what_is_there(world: World) -> None:
    for who in ("ada", "bob"):
        world.generate(who)
    world.run("write_back")
    world.later(hours=3)
    world.generate("eve")
    world.complete("mary", learner={"email": None})
    world.run("normalise")
    world.complete("joan")

    steps = {step.name: step for step in overview.flow(world.bridge)}

    assert {"deliveries": 3, "completions": 2, "issuances": 2, "vault": 1, "write-backs": 0} == {
        name: step.passed for name, step in steps.items()
    }
    assert (1, 0, 1) == (
        steps["deliveries"].going,
        steps["vault"].going,
        steps["write-backs"].going,
    )
    assert (1, 0) == (steps["issuances"].troubled, steps["deliveries"].troubled)


def test_the_charts_count_by_five_minutes_and_by_day(world: World) -> None:
    world.generate("ada")
    world.later(days=2)
    world.generate("bob")
    world.later(minutes=20)
    world.issue("eve")

    hour, days = overview.last_hour(world.bridge), overview.last_days(world.bridge)

    assert (12, timedelta(minutes=5)) == (len(hour), hour[0].end - hour[0].start)
    assert (2, 1) == (sum(b.completed for b in hour), sum(b.certified for b in hour))
    assert hour[0].start <= world.clock.now() - timedelta(minutes=55)
    assert world.clock.now() < hour[-1].end
    assert [(1, 1), (0, 0), (2, 1)] == [(b.completed, b.certified) for b in days[-3:]]
    assert 30 == len(days)


def test_what_has_stopped_is_said_with_what_to_do(world: World, signed_in: SignedIn) -> None:
    visitor = signed_in()

    text = visitor.text("/")

    assert "vaultbridge worker normalise" in text
    assert "Redis does not answer (ConnectionError)" in text
    assert "correct BRIDGE_REDIS_URL" in text
    assert ("<figure" in text, "<figure" in visitor.text("/?part=live")) == (True, False)


def test_the_queue_tells_rows_processes_leases_and_redis(
    world: World, signed_in: SignedIn, redis_url: str
) -> None:
    object.__setattr__(world.bridge.settings, "redis_url", redis_url)
    Bell(redis_url, service="bridge").ring("normalise")
    world.complete("ada")
    world.complete("bob")
    row = world.rows(tables.delivery)[0]
    until = world.clock.now() + timedelta(minutes=1)
    world.change(tables.delivery, row.id, lease_until=until, lease_owner="machine-7-abc")

    text = signed_in(Role.SUPPORT).text("/queue")

    for said in ("machine-7-abc", "bridge-normalise", "Nobody runs", "vaultbridge clock"):
        assert said in text
    assert "Redis does not answer" not in text


def test_settings_tell_where_each_comes_from_and_no_secret(
    world: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BRIDGE_REDIS_URL", "unix:///nowhere.sock")
    visitor = signed_in(Role.ADMIN)

    text = visitor.text("/settings")

    assert "how long a worker may hold a row" in text
    assert "the environment" in text
    assert "nowhere.sock" not in text.replace("unix:///run/vaultbridge/redis.sock", "")
    assert "redis" in visitor.text("/settings?look=1")
