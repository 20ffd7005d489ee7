"""What is held for missing data is looked up again every night, and nothing else is touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.pipeline import look_again
from bridge.store import tables
from connectors.base import Completion, Temporary
from tests.bridge.world import NOON, World

NIGHT = datetime(2026, 11, 24, 3, tzinfo=UTC)
NAMELESS = {"full_name": None}


@pytest.fixture
def changed_settings() -> dict[str, str]:
    return {"look_again_hour": "3"}


def held(world: World, who: str = "ada", **learner: Any) -> None:
    """A certificate that is held for what the LMS did not tell."""
    world.complete(who, learner=learner or NAMELESS)
    world.run("normalise")
    assert "held" == world.rows(tables.issuance)[-1].state


def night(world: World, *, days: int = 0) -> None:
    """It is the hour of a night, the clock comes by, and the worker answers."""
    world.clock.moment = max(world.clock.moment, NIGHT + timedelta(days=days))
    look_again.begin(world.bridge)
    world.run("reconcile")


def told(world: World, **learner: Any) -> None:
    """From now on the LMS tells this of every learner."""

    def tell(batch: list[Completion]) -> list[Completion]:
        world.lms.enriching.append(tell)
        return [replace(each, learner=replace(each.learner, **learner)) for each in batch]

    world.lms.enriching.clear()
    world.lms.enriching.append(tell)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"full_name": None}, {"full_name": "Ada Lovelace"}),
        ({"email": None}, {"email": "ada@work.example"}),
        ({"full_name": "Test User"}, {"full_name": "Ada Lovelace"}),
        ({"email": "noreply@work.example"}, {"email": "ada@work.example"}),
        ({"email": "0cc175b9c0f1b6a831c399e269772661"}, {"email": "ada@work.example"}),
        ({"email": "ada at work"}, {"email": "ada@work.example"}),
    ],
)
def test_it_goes_on_by_itself_once_the_lms_tells_it(
    world: World, before: dict[str, Any], after: dict[str, Any]
) -> None:
    held(world, **before)
    told(world, **after)

    night(world)

    assert "ready" == world.issuance.state
    assert list(after.values()) == [world.completion.data["learner"][name] for name in after]
    assert "looked up again" in world.history(world.completion.id)
    world.run("issue")
    assert "processing" == world.issuance.state


def test_what_is_still_missing_is_looked_up_once_a_night_and_nothing_else_is_written(
    world: World,
) -> None:
    held(world)
    before, events = world.issuance, world.rows(tables.event)
    asked = len(world.lms.enriched)

    look_again.begin(world.bridge)  # not before the night
    assert None is world.completion.next_run_at
    night(world)
    night(world)
    assert asked + 1 == len(world.lms.enriched)
    night(world, days=1)

    assert asked + 2 == len(world.lms.enriched)
    assert (before, events) == (world.issuance, world.rows(tables.event))
    assert (None, 0) == (world.completion.next_run_at, world.completion.tries)


def test_who_was_not_there_at_night_catches_up_by_day(world: World) -> None:
    held(world)
    told(world, full_name="Ada Lovelace")
    world.clock.moment = NIGHT + timedelta(hours=9)

    night(world)

    assert "ready" == world.issuance.state


def test_what_a_person_holds_or_what_was_held_for_other_reasons_is_not_asked_about(
    world: World,
) -> None:
    held(world)
    world.hold(world.issuance.id)
    world.add_mapping(("learner.full_name }}", "learner.full_name | round }}"))
    held(world, "bob", full_name="Bob")
    asked = len(world.lms.enriched)

    night(world)

    assert asked == len(world.lms.enriched)
    assert ["held", "held"] == world.states()


def test_of_two_certificates_of_a_completion_only_the_one_that_lacks_something_goes_on(
    world: World,
) -> None:
    world.add_mapping(
        ("name: course-completion", "name: programme\nkind: programme"), ("Completion: ", "Year: ")
    )
    held(world)
    by_person, lacking = world.rows(tables.issuance)
    world.hold(by_person.id)
    kept = world.rows(tables.issuance)[0]
    told(world, full_name="Ada Lovelace")

    night(world)

    first, second = world.rows(tables.issuance)
    assert (kept, lacking.id, "ready") == (first, second.id, second.state)


def test_each_site_is_asked_a_batch_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_again, "BATCH", 2)
    for who in ("ada", "bob", "cyd"):
        held(world, who)
    world.lms.enriched.clear()

    night(world)
    assert [("ada", "bob")] == world.lms.enriched
    night(world)

    assert [("ada", "bob"), ("cyd",)] == world.lms.enriched


def test_an_lms_that_is_down_is_left_alone_and_the_row_keeps_its_words(world: World) -> None:
    held(world)
    before = world.issuance
    world.lms.enriching.append(Temporary("down"))

    night(world)

    assert before == world.issuance
    assert (None, 1) == (world.completion.cause, world.completion.tries)
    assert world.site().shut_until is not None
    told(world, full_name="Ada Lovelace")
    world.later(minutes=5)
    world.run("reconcile")
    assert ("ready", 0) == (world.issuance.state, world.completion.tries)


def test_an_lms_that_answers_nonsense_is_asked_again_the_next_night(world: World) -> None:
    held(world)
    before = world.issuance
    world.lms.enriching.extend([ZeroDivisionError(), ZeroDivisionError(), ZeroDivisionError()])

    for _ in range(4):
        night(world)
        world.later(hours=1)

    assert before == world.issuance
    assert (None, None, 0) == (
        world.completion.cause,
        world.completion.next_run_at,
        world.completion.tries,
    )
    told(world, full_name="Ada Lovelace")
    night(world, days=1)
    assert "ready" == world.issuance.state


def test_after_half_a_year_it_stays_held(world: World) -> None:
    held(world)
    asked = len(world.lms.enriched)

    night(world, days=179)
    assert asked + 1 == len(world.lms.enriched)
    night(world, days=181)

    assert asked + 1 == len(world.lms.enriched)


def test_a_date_that_the_lms_tells_late_is_the_completions_round(world: World) -> None:
    world.complete("ada", extra={"time_unknown": True})
    world.run("normalise")
    assert ("held", "complete.missing.issue_date") == (
        world.issuance.state,
        world.issuance.cause,
    )
    world.lms.true_times["ada"] = NOON - timedelta(days=2)

    night(world)

    assert ("ready", "2026-11-21") == (world.issuance.state, world.completion.round)
