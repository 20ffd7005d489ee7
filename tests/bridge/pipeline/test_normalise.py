"""Reading deliveries: completions, dead letters, quarantine, counts; and no site stops another."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
import structlog

from bridge.pipeline import normalise
from bridge.pipeline.normalise import TOGETHER
from bridge.store import tables
from bridge.store.states import DeliveryState
from connectors.base import Temporary
from tests.bridge.world import SITE, World


def test_an_authentic_delivery_of_unknown_shape_is_a_dead_letter_with_its_path(
    world: World,
) -> None:
    body = world.body()
    body["data"]["course"]["id"] = 42

    assert 202 == world.post(body).status_code
    world.run("normalise")

    row = world.one(tables.delivery)
    assert (DeliveryState.DEAD, None) == (row.state, row.next_run_at)
    assert row.problem.startswith("$.data.course.id: ")
    assert f"vaultbridge replay {row.id}" in row.remedy
    assert ["dead"] == world.history(row.id)


def test_a_delivery_that_is_no_json_is_a_dead_letter_too(world: World) -> None:
    assert 202 == world.post(b"\xff\x00 no json").status_code
    world.run("normalise")

    assert [DeliveryState.DEAD] == world.states(tables.delivery)


def test_a_dead_letter_is_read_again_after_its_cause_is_mended(world: World) -> None:
    world.post(world.body(surprise=1))
    world.run("normalise")
    row = world.one(tables.delivery)
    connector = type(world.bridge.connector_of(world.site()))
    parse = connector.parse
    try:
        connector.parse = lambda self, request: []
        assert world.replay(row.id).going
        world.run("normalise")
    finally:
        connector.parse = parse

    assert [] == world.rows(tables.delivery)
    assert ["dead", "replayed"] == world.history(row.id)


def test_a_delivery_that_speaks_for_another_site_is_quarantined(world: World) -> None:
    world.complete(extra={"from": "staging.example.edu"})
    world.run("normalise")

    row = world.one(tables.delivery)
    assert (DeliveryState.QUARANTINED, "It comes from staging.example.edu.") == (
        row.state,
        row.problem,
    )
    assert "Add that site, too." == row.remedy
    assert [] == world.rows(tables.completion)


def test_an_event_that_nobody_wants_is_counted_by_name_and_not_kept(world: World) -> None:
    for _ in range(2):
        world.post({"type": "user.updated", "timestamp": "t", "data": {"name": "a-canary"}})
    world.post({"type": "x" * 300})
    world.run("normalise")

    assert [] == world.rows(tables.delivery)
    assert [] == world.rows(tables.event)
    counted = {row.event_name: row.count for row in world.rows(tables.unwanted_event)}
    assert {"user.updated": 2, "x" * 200: 1} == counted


def test_a_completion_told_in_two_deliveries_is_one(world: World) -> None:
    body = world.body()
    for _ in range(3):
        world.post(body)
    world.run("normalise")

    assert 1 == len(world.rows(tables.completion))
    first, second, _ = world.rows(tables.delivery)
    assert first.id == world.completion.delivery_id
    assert ["told a completion that is known"] == world.history(second.id)


def test_our_own_fault_in_reading_moves_on_and_leaves_its_neighbours_unharmed(
    world: World,
) -> None:
    world.complete("ada", extra={"bug": True})
    world.complete("bob")
    with structlog.testing.capture_logs() as logs:
        world.run("normalise")

    bad, good = world.rows(tables.delivery)
    assert (DeliveryState.WAITING, DeliveryState.NORMALISED) == (bad.state, good.state)
    assert (1, timedelta(seconds=10)) == (bad.tries, world.in_wait(bad.next_run_at))
    assert "step_failed" in [line["event"] for line in logs]

    world.settle(hours=1)
    bad, _ = world.rows(tables.delivery)
    assert (DeliveryState.DEAD, 3, None) == (bad.state, bad.tries, bad.next_run_at)
    assert "ZeroDivisionError" in bad.problem
    assert ["generated"] == world.states()


def test_a_site_that_cannot_be_used_waits_and_stops_no_other(world: World) -> None:
    world.complete("ada")
    world.post(world.body("bob"), path="/hooks/signed/signed-main")
    world.change(tables.site, world.site_id, connector="gone")
    world.run("normalise")

    states = {row.site_id == world.site_id: row.state for row in world.rows(tables.delivery)}
    assert {True: DeliveryState.WAITING, False: DeliveryState.NORMALISED} == states
    assert "No connector is called 'gone'" in world.site().problem

    world.change(tables.site, world.site_id, connector="scripted")
    world.settle(hours=1)
    assert ["generated"] * 2 == world.states()
    assert None is world.site().problem


def test_a_site_removed_meanwhile_still_has_its_deliveries_read(world: World) -> None:
    world.complete()
    world.change(tables.site, world.site_id, removed_at=world.clock.now())
    world.run("normalise")

    assert [DeliveryState.NORMALISED] == world.states(tables.delivery)


def test_a_delivery_read_by_another_worker_meanwhile_is_left_to_it(world: World) -> None:
    world.complete()
    world.lms.enriching.append(Temporary("not asked in this test"))
    connector = type(world.bridge.connector_of(world.site()))
    parse = connector.parse

    def stolen(self: object, request: object) -> object:
        row = world.one(tables.delivery)
        world.change(tables.delivery, row.id, fence=row.fence + 1, lease_owner="worker-2")
        return parse(self, request)  # type: ignore[arg-type]

    try:
        connector.parse = stolen  # type: ignore[assignment]
        world.run("normalise")
    finally:
        connector.parse = parse

    row = world.one(tables.delivery)
    assert (DeliveryState.WAITING, "worker-2") == (row.state, row.lease_owner)
    assert [] == world.rows(tables.completion)
    assert SITE == world.site().name


def test_many_deliveries_share_a_commit(world: World) -> None:
    world.complete("ada")
    alone = _commits(world)
    for number in range(TOGETHER):
        world.complete(f"learner-{number}")

    assert alone == _commits(world)
    assert 1 + TOGETHER == len(world.rows(tables.completion))


def _commits(world: World) -> int:
    """How many transactions there are while the waiting deliveries are read."""
    seen: list[sa.Connection] = []
    note = seen.append
    engine = world.bridge.database.engine
    sa.event.listen(engine, "commit", note)
    try:
        normalise.run(world.bridge)
    finally:
        sa.event.remove(engine, "commit", note)
    return len(seen)


def test_one_that_spoils_a_common_commit_leaves_its_neighbours_unharmed(world: World) -> None:
    connector = type(world.bridge.connector_of(world.site()))
    name = connector.event_name
    world.complete("ada")
    world.post({"type": "user.updated"})
    world.complete("bob")
    try:
        connector.event_name = lambda self, request: str(1 // 0)
        world.run("normalise")
    finally:
        connector.event_name = name

    assert [DeliveryState.NORMALISED, DeliveryState.WAITING, DeliveryState.NORMALISED] == (
        world.states(tables.delivery)
    )
    assert ["ada", "bob"] == [row.learner_id for row in world.rows(tables.completion)]
    assert [0, 1, 0] == [row.tries for row in world.rows(tables.delivery)]
