"""Following many: what was told counts, what was not asked is nobody's trouble, and few calls."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bridge.pipeline import follow, told
from bridge.store import tables
from tests.bridge.world import TITLE, World
from tests.scripted_vault import answers, normal

PEOPLE = ("ada", "bob", "eve")
DAY = "2026-11-23"


def sent(world: World) -> None:
    """Three certificates on their way, each by itself, so that each has a name at the vault."""
    for who in PEOPLE:
        world.issue(who)


def of(world: World, who: str) -> sa.Row[tuple[object, ...]]:
    return next(row for row in world.rows(tables.issuance) if row.learner_id == who)


def test_a_vault_that_asks_to_be_left_alone_is_not_asked_for_the_next_failed_one(
    world: World,
) -> None:
    world.vault.outcomes.extend(["failed"] * 3)
    sent(world)
    world.vault.finish()
    world.vault.then("view", answers(429, headers={"Retry-After": "900"}))
    world.later()
    world.run("follow")

    assert (1, 0) == (world.vault.calls["view"], world.vault.calls["retry"])
    assert 2 == [row.problem for row in world.rows(tables.issuance)].count(None)
    world.settle()
    assert ["generated"] * 3 == world.states()


def test_what_was_told_before_a_page_failed_holds(world: World) -> None:
    sent(world)
    world.vault.largest_page = 1
    world.vault.finish()
    world.vault.then("list", normal, answers(503, "<html>"))
    world.later()
    follow.run(world.bridge)

    assert ["generated", "processing", "processing"] == sorted(world.states())
    problems = sorted(str(row.problem) for row in world.rows(tables.issuance))
    assert ["None", "The vault answered 503.", "The vault answered 503."] == problems


def test_what_was_not_asked_about_is_no_trouble_and_has_its_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told, "MOST_PAGES", 1)
    monkeypatch.setattr(told, "MOST_VIEWS", 1)
    world.vault.largest_page = 1
    sent(world)
    lost = world.vault.kept.pop(of(world, "ada").vault_uuid)
    world.later()
    follow.run(world.bridge)

    problems = {row.learner_id: row.problem for row in world.rows(tables.issuance)}
    gone = "The vault no longer lists this certificate."
    assert {"ada": gone, "bob": None, "eve": None} == problems
    world.vault.kept[lost.uuid] = lost
    world.settle()
    assert ["generated"] * 3 == world.states()


def test_what_a_vault_processes_for_days_is_told_and_followed_all_the_same(world: World) -> None:
    world.issue()
    slow = world.bridge.settings.vault_slow
    for expected in (None, "follow.vault_slow"):
        world.clock.moment = max(world.clock.moment, world.issuance.next_run_at)
        world.run("follow")
        assert ("processing", expected) == (world.issuance.state, world.issuance.cause)
        world.clock.forward(slow)

    world.vault.finish()
    world.run("follow")
    assert ("generated", None) == (world.issuance.state, world.issuance.cause)


def test_whoever_settles_does_so_in_the_order_of_learners(world: World) -> None:
    """Each locks what gradebooks are to tell of them: none waits for one that waits for it."""
    sent(world)
    for number, row in enumerate(world.rows(tables.issuance)):
        due = world.clock.now() - timedelta(seconds=number)  # the other way round
        world.change(tables.issuance, row.id, next_run_at=due)
    world.vault.finish()
    world.later()
    world.run("follow")

    whose = {row.id: row.learner_id for row in world.rows(tables.issuance)}
    settled = [whose[e.subject] for e in world.rows(tables.event) if e.what == "generated"]
    assert list(PEOPLE) == settled


@pytest.mark.parametrize("comes_first", [True, False])
def test_of_two_alike_the_one_that_bears_our_mark_is_taken(world: World, comes_first: bool) -> None:
    world.vault.atomic = world.vault.checks_bulk = False
    for who in ("ada", "bob"):
        world.complete(who)
    steps = [lambda: by_hand(world), lambda: world.run("normalise", "issue")]
    for step in steps if comes_first else reversed(steps):
        step()
        world.later(seconds=1)
    world.vault.finish()
    world.later()
    world.run("follow")

    row = of(world, "ada")
    assert "generated" == row.state
    assert row.details == world.vault.kept[row.vault_uuid].details


def test_one_made_by_hand_before_ours_was_sent_is_not_taken_for_it(world: World) -> None:
    world.vault.checks_bulk = False
    for who in ("ada", "bob"):
        world.complete(who)
    world.run("normalise")
    world.later(hours=1)
    by_hand(world)
    world.later(hours=1)
    world.run("issue")
    world.settle()

    assert ("held", "generated") == (of(world, "ada").state, of(world, "bob").state)
    assert "issue.vault_foreign" == of(world, "ada").cause


def by_hand(world: World) -> None:
    """Somebody uploads a certificate for ada, of the same name, title and day."""
    world.vault.put(
        title=TITLE,
        name="Ada Lovelace",
        email="ada@learners.example",
        issue_date=DAY,
        details="By hand.",
    )
