"""The brake: what looks wrong as a group is held as one, and let go as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.pipeline import preview, release
from bridge.pipeline.outlook import Outlook
from bridge.pipeline.release import Word
from bridge.store import announcements, tables
from bridge.store.states import HoldOutcome
from connectors.base import Permanent, Temporary
from tests.bridge.world import World

LEAST = 5
RELEASED = Word(outcome=HoldOutcome.RELEASED, who="alice", reason="it was an exam")
DISCARDED = Word(outcome=HoldOutcome.DISCARDED, who="alice", reason="it was a mistake")


@pytest.fixture
def cautious(world: World) -> World:
    """A world in which more than five of a course in a day may be too many."""
    settings = replace(world.bridge.settings, brake_least=LEAST)
    world.bridge = replace(world.bridge, settings=settings)
    return world


def complete(world: World, who: Iterable[str], *, day: int = 0, **changes: object) -> None:
    """Learners complete the course so many days from now, or before."""
    moment = (world.clock.now() + timedelta(days=day)).isoformat()
    for name in who:
        world.complete(name, completed_at=moment, **changes)
    world.settle(hours=1)


def undated(world: World, who: Iterable[str], *, times: int = 1) -> None:
    """Learners complete the course; the LMS tells it so many times, and not when."""
    for name in who:
        for _ in range(times):
            world.later(seconds=1)
            world.complete(name, extra={"time_unknown": True})
    world.settle(hours=1)


def names(count: int, prefix: str = "learner") -> list[str]:
    return [f"{prefix}{number:02}" for number in range(count)]


def decide(world: World, word: Word) -> int:
    (hold,) = [row for row in world.rows(tables.hold) if row.outcome is None]
    return sum(len(part) for part in release.decide(world.bridge, hold.id, word))


def held(world: World) -> Counter[str]:
    """How many wait for which cause."""
    rows = [row for row in world.rows(tables.issuance) if row.state == "held"]
    return Counter(row.cause.rpartition(".")[0] for row in rows)


def test_far_more_in_a_day_than_are_enrolled_wait_as_one_group(cautious: World) -> None:
    world = cautious
    complete(world, names(20), enrolled=6)

    hold = world.one(tables.hold)
    assert ("brake", "complete.too_many", "42", "2026-11-23") == (
        hold.kind,
        hold.cause,
        hold.course_id,
        hold.day,
    )
    assert "up to 12 would be no surprise" in hold.problem
    waiting = held(world)["complete.too_many"]
    assert 8 <= waiting == 20 - len(world.vault.created)
    assert waiting == decide(world, RELEASED)
    world.settle()
    assert 20 == len(world.vault.created)


def test_unless_told_otherwise_twenty_in_a_day_are_none_too_many_and_thirty_are(
    world: World,
) -> None:
    complete(world, names(20), day=-1, enrolled=9)
    assert (Counter(), 20) == (held(world), len(world.vault.created))

    complete(world, names(30, "more"), enrolled=9, course={"id": "43"})

    assert Counter({"complete.too_many": 30}) == held(world)


def test_those_without_a_date_are_counted_by_the_day_of_their_events(cautious: World) -> None:
    world = cautious
    world.add_mapping(("{{ completed_at |", "{{ completed_at | default: noticed_at |"))
    undated(world, names(LEAST), times=3)
    assert (Counter(), LEAST) == (held(world), len(world.vault.created))

    undated(world, names(LEAST + 1, "crowd"))

    assert "on 2026-11-23, or more since" in world.one(tables.hold).problem
    assert {"complete.too_many"} == set(held(world))
    decide(world, RELEASED)
    world.settle(hours=2)
    assert 2 * LEAST + 1 == len(world.vault.created)


def test_those_without_a_date_are_none_too_many_if_the_course_had_as_many_before(
    cautious: World,
) -> None:
    world = cautious
    world.add_mapping(("{{ completed_at |", "{{ completed_at | default: noticed_at |"))
    undated(world, names(LEAST))
    world.later(days=1)
    undated(world, names(2 * LEAST, "next-day"))
    assert (Counter(), 3 * LEAST) == (held(world), len(world.vault.created))

    world.later(days=1)
    undated(world, names(4 * LEAST + 1, "third-day"))
    assert {"complete.too_many"} == set(held(world))


def test_once_released_more_of_that_day_go_on(cautious: World) -> None:
    world = cautious
    complete(world, names(10))
    decide(world, RELEASED)
    complete(world, names(10, "late"))

    assert (Counter(), 20) == (held(world), len(world.vault.created))


def test_once_discarded_more_of_that_day_are_held_again(cautious: World) -> None:
    world = cautious
    complete(world, names(10))
    gone = decide(world, DISCARDED)
    complete(world, ["late"])

    assert Counter({"complete.too_many": 1}) == held(world)
    assert 10 - gone == len(world.vault.created)


def test_exam_week_is_no_crowd(cautious: World) -> None:
    world = cautious
    for day in range(3):
        complete(world, names(10, f"day{day}-"), day=-day, enrolled=30)

    assert (Counter(), 30) == (held(world), len(world.vault.created))


def test_the_backlog_of_an_outage_is_no_crowd(cautious: World) -> None:
    world = cautious
    for day in range(8):
        moment = (world.clock.now() - timedelta(days=day)).isoformat()
        for name in names(LEAST, f"day{day}-"):
            world.complete(name, completed_at=moment)
    world.settle(hours=2)

    assert (Counter(), 40) == (held(world), len(world.vault.created))


def test_where_the_lms_tells_no_number_it_is_the_most_that_a_day_ever_had(cautious: World) -> None:
    world = cautious
    complete(world, names(8, "june"), day=-20, enrolled=8)
    complete(world, names(12, "july"))

    assert (Counter(), 20) == (held(world), len(world.vault.created))
    complete(world, names(9, "august"))
    assert set(held(world)) == {"complete.too_many"}


def test_the_lms_is_asked_how_many_are_enrolled_only_where_it_matters(cautious: World) -> None:
    world = cautious
    world.lms.sizes["42"] = 100
    complete(world, names(2))
    assert [] == world.lms.asked_sizes
    complete(world, names(20, "more"))

    assert {"42"} == set(world.lms.asked_sizes)
    assert (Counter(), 22) == (held(world), len(world.vault.created))


def test_an_lms_that_is_down_when_it_is_asked_is_asked_again(cautious: World) -> None:
    world = cautious
    world.lms.sizes["42"] = Temporary("It is down.")
    for name in names(10):
        world.complete(name)
    world.run("normalise")
    assert {"found"} == set(world.states(tables.completion))
    world.lms.sizes["42"] = 30
    world.settle(hours=2)

    assert (Counter(), 10) == (held(world), len(world.vault.created))


def test_an_lms_that_may_not_say_it_stops_nothing_else(cautious: World) -> None:
    world = cautious
    world.lms.sizes["42"] = Permanent("It may not.", remedy="Allow it.")
    complete(world, names(LEAST + 3))

    assert {"complete.too_many"} == set(held(world))
    assert ["mapped"] * 8 == world.states(tables.completion)


def test_what_was_announced_is_meant_until_then(cautious: World) -> None:
    world = cautious
    with world.bridge.database.write() as conn:
        until = world.clock.now() + timedelta(days=2)
        told = {"who": "alice", "reason": "exam", "now": world.clock.now()}
        announcements.add(conn, "course-completion", number=15, until=until, **told)
    complete(world, names(15))
    assert (Counter(), 15) == (held(world), len(world.vault.created))

    complete(world, ["one-more"])
    assert Counter({"complete.too_many": 1}) == held(world)


def test_an_announcement_ends(cautious: World) -> None:
    world = cautious
    with world.bridge.database.write() as conn:
        until = world.clock.now() + timedelta(days=2)
        told = {"who": "alice", "reason": "exam", "now": world.clock.now()}
        announcements.add(conn, "course-completion", number=50, until=until, **told)
    world.later(days=3)
    complete(world, names(15))

    assert {"complete.too_many"} == set(held(world))


def test_each_reason_is_a_group_of_its_own_for_each_site_and_mapping(world: World) -> None:
    complete(world, ["ada", "bob"], role="editingteacher")
    complete(world, ["eve"], day=-100)
    world.complete("joe", learner={"email": "test@learners.example"})
    world.settle(hours=1)

    assert Counter(
        {"complete.staff": 2, "complete.too_old": 1, "complete.test_account": 1}
    ) == held(world)
    assert ["brake"] * 3 == [row.kind for row in world.rows(tables.hold)]
    assert 0 == len(world.vault.created)


def test_what_a_person_asks_for_by_a_replay_is_not_too_old(world: World) -> None:
    world.change(tables.site, world.site_id, issue_from=world.clock.now() - timedelta(days=10))
    complete(world, ["ada"], day=-100)
    assert ["early"] == world.states(tables.completion)

    assert world.replay(world.completion.id).going
    world.settle()

    assert (Counter(), 1) == (held(world), len(world.vault.created))


def test_what_was_let_go_is_not_held_once_more_when_it_is_mapped_anew(world: World) -> None:
    complete(world, ["ada"], role="manager")
    decide(world, RELEASED)
    world.hold(world.issuance.id)

    assert world.replay(world.issuance.id).going
    world.settle()

    assert (["generated"], 1) == (world.states(), len(world.vault.created))


def test_a_preview_says_that_it_would_be_held(world: World) -> None:
    world.add_mapping(("{{ learner.full_name }}", "{{ learner.custom.nickname }}"))
    complete(world, ["ada"], role="manager")
    world.add_mapping()

    (told,) = preview.foresee(world.bridge, [world.issuance.id], mapping="current")

    assert (Outlook.WAITS, True) == (told.outlook, "staff in the course" in told.said)
