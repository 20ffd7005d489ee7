"""Which bells there are, when each has work, and that a bell answers all of its steps."""

from __future__ import annotations

from typing import Any

import pytest

from bridge import queue
from bridge.store import tables
from bridge.store.mails import add as add_mail
from connectors.base import Temporary
from tests.bridge.world import World
from tests.scripted_vault import PERMISSIONS


def due(world: World) -> list[str]:
    return list(queue.due_bells(world.bridge))


def test_each_bell_is_due_while_its_work_waits(world: World) -> None:
    assert [] == due(world)
    world.complete()
    assert ["normalise"] == due(world)
    world.run("normalise")
    assert ["issue"] == due(world)
    world.run("issue")
    assert [] == due(world), "the vault is given its time"
    world.vault.finish()
    world.later()
    assert ["follow"] == due(world)
    world.run("follow")
    assert ["write_back"] == due(world)
    world.run("write_back")
    assert [] == due(world)


def test_a_completion_that_waits_for_its_lms_is_the_first_bells_work(world: World) -> None:
    world.lms.enriching.append(Temporary("down"))
    world.complete()
    world.run("normalise")
    assert [] == due(world)

    world.later()
    assert ["normalise"] == due(world)


def test_what_a_worker_holds_is_not_due_until_its_lease_ends(world: World) -> None:
    world.complete()
    row = world.one(tables.delivery)
    held = world.clock.now() + world.bridge.settings.lease
    world.change(tables.delivery, row.id, lease_until=held, lease_owner="worker-2")
    assert [] == due(world)

    world.clock.moment = held
    assert ["normalise"] == due(world)


def test_a_paused_issuer_rings_no_bell(world: World) -> None:
    world.vault.tokens.clear()
    world.issue()
    world.later(days=2)

    assert [] == due(world)
    world.vault.tokens["x"] = PERMISSIONS


def test_a_mail_is_the_gradebook_workers_work(world: World) -> None:
    with world.bridge.database.write() as conn:
        add_mail(conn, "ada@learners.example", language="en", now=world.clock.now())

    assert ["write_back"] == due(world)


def test_every_step_of_a_bell_has_its_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []

    def step(name: str, *, more: bool) -> Any:
        def run(_bridge: object) -> bool:
            turns.append(name)
            return more

        return run

    bells = {"both": (step("a", more=True), step("b", more=False)), "none": ()}
    monkeypatch.setattr(queue, "BELLS", bells)

    assert (True, False) == (
        queue.answer(world.bridge, "both"),
        queue.answer(world.bridge, "none"),
    )
    assert ["a", "b"] == turns


def test_a_step_with_more_than_a_batch_says_so(world: World) -> None:
    for number in range(9):
        world.complete(f"ada{number}")
    world.run("normalise")

    assert queue.answer(world.bridge, "issue")
    assert not queue.answer(world.bridge, "issue")
    assert {"processing"} == set(world.states())
