"""The issue date: the day of the completion's instant in a stated zone, kept, never moved."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from bridge.store import completions, tables
from connectors.base import Completion, Zone
from tests.bridge.world import World

#: Already the next day in Dubai.
LATE = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)
STATED = "  issue_date: \"{{ completed_at | local_date: 'UTC' }}\"\n"
INSTANT = "2026-11-23T21:30:00+00:00"


@pytest.fixture
def changed_settings() -> dict[str, str]:
    return {"timezone": "Pacific/Honolulu"}


def complete_late(world: World, **changes: Any) -> None:
    world.complete(completed_at=LATE.isoformat(), **changes)
    world.run("normalise")


def unstated(world: World) -> None:
    """The mapping says nothing of the date."""
    world.add_mapping((STATED, ""))


def dated(world: World) -> tuple[date, dict[str, Any]]:
    return world.issuance.issue_date, world.issuance.dated


def test_the_setting_says_the_zone_where_nobody_else_does(world: World) -> None:
    unstated(world)

    complete_late(world)

    expected = {"instant": INSTANT, "zone": "Pacific/Honolulu", "source": "setting"}
    assert (date(2026, 11, 23), expected) == dated(world)


def test_the_site_says_it_before_the_setting(world: World) -> None:
    unstated(world)
    world.change(tables.site, world.site_id, timezone="Asia/Dubai")

    complete_late(world)

    expected = {"instant": INSTANT, "zone": "Asia/Dubai", "source": "site"}
    assert (date(2026, 11, 24), expected) == dated(world)


def test_the_course_says_it_before_the_site(world: World) -> None:
    unstated(world)
    world.change(tables.site, world.site_id, timezone="Asia/Dubai")

    complete_late(world, course={"timezone": "America/New_York"})

    expected = {"instant": INSTANT, "zone": "America/New_York", "source": "course"}
    assert (date(2026, 11, 23), expected) == dated(world)


def test_a_zone_that_an_lms_calls_otherwise_is_passed_over(world: World) -> None:
    unstated(world)
    world.change(tables.site, world.site_id, timezone="Asia/Dubai")
    world.lms.enriching.append(
        lambda batch: [
            replace(each, course=replace(each.course, timezone="Eastern Time (US & Canada)"))
            for each in batch
        ]
    )

    complete_late(world)

    assert ("Asia/Dubai", "site") == (
        world.issuance.dated["zone"],
        world.issuance.dated["source"],
    )


def test_a_mapping_that_states_a_zone_wins_and_is_named(world: World) -> None:
    world.change(tables.site, world.site_id, timezone="Asia/Dubai")

    complete_late(world)

    expected = {"instant": INSTANT, "zone": "UTC", "source": "mapping"}
    assert (date(2026, 11, 23), expected) == dated(world)


def test_a_day_that_a_mapping_states_is_no_moments(world: World) -> None:
    world.add_mapping((STATED, '  issue_date: "2026-12-31"\n'))

    complete_late(world)

    expected = {"instant": None, "zone": None, "source": "mapping"}
    assert (date(2026, 12, 31), expected) == dated(world)


def told_anew(batch: list[Completion]) -> list[Completion]:
    """An LMS's connector that makes each completion from nothing, with a name now."""
    return [
        Completion(
            course=each.course,
            learner=replace(each.learner, full_name="Ada Lovelace"),
            noticed_at=each.noticed_at,
            completed_at=each.completed_at,
        )
        for each in batch
    ]


def told_earlier(world: World) -> None:
    """The LMS has the name now, and another time."""
    earlier = datetime(2026, 10, 14, 21, 30, tzinfo=UTC)
    world.lms.enriching.append(
        lambda batch: [replace(each, completed_at=earlier) for each in told_anew(batch)]
    )


def test_a_replay_never_moves_the_day(world: World) -> None:
    unstated(world)
    world.change(tables.site, world.site_id, timezone="Asia/Dubai")
    complete_late(world, learner={"full_name": None})
    assert "held" == world.issuance.state
    assert Zone(name="Asia/Dubai", source="site") == completions.unpack(world.completion.data).zone

    world.change(tables.site, world.site_id, timezone="America/New_York")
    world.lms.enriching.append(told_anew)
    world.replay(world.completion.id)
    world.run("normalise")

    expected = {"instant": INSTANT, "zone": "Asia/Dubai", "source": "site"}
    assert ("ready", (date(2026, 11, 24), expected)) == (world.issuance.state, dated(world))


def test_a_replay_never_moves_the_day_though_the_lms_tells_another_time_now(world: World) -> None:
    unstated(world)
    complete_late(world, learner={"full_name": None})

    told_earlier(world)
    world.replay(world.completion.id)
    world.run("normalise")

    expected = {"instant": INSTANT, "zone": "Pacific/Honolulu", "source": "setting"}
    assert ("ready", (date(2026, 11, 23), expected)) == (world.issuance.state, dated(world))


def test_what_had_no_day_yet_takes_the_one_that_the_lms_tells(world: World) -> None:
    unstated(world)
    world.lms.enriching.append(lambda batch: [replace(each, completed_at=None) for each in batch])
    complete_late(world)
    assert "complete.missing.issue_date" == world.issuance.cause

    world.lms.enriching.clear()
    told_earlier(world)
    world.replay(world.completion.id)
    world.run("normalise")

    assert ("ready", date(2026, 10, 14)) == (world.issuance.state, world.issuance.issue_date)


def test_what_nobody_had_mapped_is_counted_in_the_zone_of_the_day_somebody_does(
    world: World,
) -> None:
    world.add_mapping((STATED, ""), ('course: "*"', 'course: "CHEM-*"'))
    complete_late(world)
    assert "unmatched" == world.completion.state

    world.change(tables.site, world.site_id, timezone="Asia/Dubai")
    unstated(world)
    world.replay(world.completion.id)
    world.run("normalise")

    assert ("Asia/Dubai", date(2026, 11, 24)) == (
        world.issuance.dated["zone"],
        world.issuance.issue_date,
    )
