"""A draft over completions as they came: next rounds, and what a person would look at first."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from bridge.pipeline.backtest import backtest
from bridge.store import tables
from bridge.store.states import CompletionState
from mappings.comparing import Change
from mappings.document import load
from tests.bridge.world import MAPPING, NOON, World

ALWAYS = f"{MAPPING}again: always\n"


def changes(world: World, document: str) -> list[tuple[str, str]]:
    """The learner of each completion and what changes, sorted."""
    rows = {row.id: row.learner_id for row in world.rows(tables.completion)}
    found = backtest(world.bridge, load(document), last=100)
    return sorted((rows[one.completion_id], one.difference.change.value) for one in found)


def complete(world: World, *who: str, **changes: object) -> None:
    for name in who:
        world.complete(name, **changes)
    world.settle(hours=1)


def test_a_draft_that_certifies_next_rounds_shows_exactly_those(world: World) -> None:
    complete(world, "ada", "bob")
    world.later(days=100)
    complete(world, "ada")
    complete(world, "bob", course={"id": "43", "title": "Botany"})
    same, again = "same", "newly issued again"

    assert [("ada", again), ("ada", same), ("bob", same), ("bob", same)] == changes(world, ALWAYS)
    after = f"{MAPPING}again: {{after: 101 days}}\n"
    assert {same} == {change for _, change in changes(world, after)}
    assert {same} == {change for _, change in changes(world, MAPPING)}


def test_next_rounds_that_a_draft_leaves_out_are_shown_though_they_were_issued(
    world: World,
) -> None:
    world.add_mapping(("entry:", "again: always\nentry:"))
    for _ in range(3):
        complete(world, "ada")
        world.later(days=200)

    never = Counter(change for _, change in changes(world, MAPPING))
    yearly = Counter(
        change for _, change in changes(world, f"{MAPPING}again: {{after: 300 days}}\n")
    )

    assert Counter({"same": 1, "no longer issued again": 2}) == never
    assert Counter({"same": 2, "no longer issued again": 1}) == yearly


def test_what_a_draft_would_hold_is_shown_by_the_day_on_which_it_came(world: World) -> None:
    complete(world, "ada", learner={"email": "ada@trial.example"})
    complete(world, "bob")
    complete(world, "eve", completed_at=(NOON - timedelta(days=80)).isoformat())
    world.later(days=400)

    held = "newly held for a person"
    accounts = changes(world, f'{MAPPING}hold: {{accounts: "*@trial.example"}}\n')
    older_than = changes(world, f"{MAPPING}hold: {{older_than: 60 days}}\n")

    assert [("ada", held), ("bob", "same"), ("eve", "same")] == accounts
    assert [("ada", "same"), ("bob", "same"), ("eve", held)] == older_than


def test_what_nobody_wanted_is_as_old_as_it_is_today(world: World) -> None:
    world.add_mapping(('course: "*"', 'course: "CHEM-*"'))
    complete(world, "ada")

    assert [("ada", "newly matched")] == changes(world, MAPPING)
    world.later(days=100)
    assert [("ada", "newly held for a person")] == changes(world, MAPPING)


def test_rounds_count_that_came_before_those_that_are_looked_at(world: World) -> None:
    for who in ("ada", "bob"):
        complete(world, who)
    world.later(days=10)
    complete(world, "ada")
    first, *_, last = world.rows(tables.completion)

    (alone,) = backtest(world.bridge, load(ALWAYS), last=1)
    assert (last.id, Change.AGAIN) == (alone.completion_id, alone.difference.change)
    world.change(tables.completion, first.id, state=CompletionState.EARLY)
    (alone,) = backtest(world.bridge, load(ALWAYS), last=1)
    assert Change.SAME is alone.difference.change, "nothing was certified for one too early"
