"""What was completed before a site issues is set aside: known, told why, and never issued alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.store import accounts, completions, tables
from tests.bridge.world import NOON, SITE, World, key

YESTERDAY = NOON - timedelta(days=1)


@pytest.fixture
def from_noon(world: World) -> World:
    """A site that was added at noon, which is now."""
    world.change(tables.site, world.site_id, issue_from=None)
    return world


def take_up(world: World) -> int:
    with world.bridge.database.write() as conn:
        return completions.take_up_early(
            conn, world.site_id, since=YESTERDAY, now=world.clock.now()
        )


def test_a_late_webhook_issues_nothing_of_the_time_before(from_noon: World) -> None:
    from_noon.complete(completed_at=YESTERDAY.isoformat())
    from_noon.settle()

    row = from_noon.completion
    assert ("early", None) == (row.state, row.next_run_at)
    assert "completed at 2026-11-22 12:00 UTC" in row.problem
    assert "from 2026-11-23 12:00 UTC on" in row.problem
    assert f"vaultbridge replay {row.id}" in row.remedy
    assert f"vaultbridge site set {SITE} --issue-from DATE" in row.remedy
    assert ([], {}) == (from_noon.states(), from_noon.vault.created)


def test_it_is_the_lms_s_true_time_that_counts(from_noon: World) -> None:
    """ "Unlock completion" fires last year's completions again, as if they were of today."""
    from_noon.lms.true_times |= {"ada": YESTERDAY, "bob": NOON}
    from_noon.complete(extra={"time_unknown": True})
    from_noon.complete("bob", extra={"time_unknown": True})
    from_noon.settle()

    assert ["early", "mapped"] == from_noon.states(tables.completion)
    assert {key("bob"): 1} == from_noon.vault.created


def test_what_was_completed_in_the_minute_of_adding_counts(from_noon: World) -> None:
    from_noon.later(seconds=30)
    from_noon.change(tables.site, from_noon.site_id, created_at=from_noon.clock.now())
    from_noon.complete(completed_at=NOON.isoformat())
    from_noon.settle()

    assert {key(): 1} == from_noon.vault.created


def test_told_again_it_is_the_same(from_noon: World) -> None:
    from_noon.complete(completed_at=YESTERDAY.isoformat())
    from_noon.complete(completed_at=YESTERDAY.isoformat())
    from_noon.settle()

    assert ["early"] == from_noon.states(tables.completion)
    assert {} == from_noon.vault.created


def test_a_person_may_ask_for_one_of_them(from_noon: World) -> None:
    for who in ("ada", "bob"):
        from_noon.complete(who, completed_at=YESTERDAY.isoformat())
    from_noon.run("normalise")
    ada, _bob = from_noon.rows(tables.completion)

    assert from_noon.replay(ada.id).going
    from_noon.settle()

    assert {key(day="2026-11-22"): 1} == from_noon.vault.created
    assert ["mapped", "early"] == from_noon.states(tables.completion)


def test_an_issuance_replayed_later_is_not_set_aside_by_a_later_start(world: World) -> None:
    world.issue(learner={"email": "no address"})
    world.change(tables.site, world.site_id, issue_from=NOON + timedelta(days=1))
    assert "held" == world.issuance.state

    world.replay(world.issuance.id)
    world.settle()

    assert ["mapped"] == world.states(tables.completion)


def test_an_earlier_start_takes_up_what_is_no_longer_too_early(from_noon: World) -> None:
    old = (YESTERDAY - timedelta(days=7)).isoformat()
    from_noon.complete("eve", completed_at=old)
    from_noon.complete("ada", completed_at=YESTERDAY.isoformat())
    from_noon.complete("bob", completed_at=YESTERDAY.isoformat())
    from_noon.run("normalise")
    from_noon.change(tables.site, from_noon.site_id, issue_from=YESTERDAY)

    assert 2 == take_up(from_noon)
    from_noon.settle()

    assert {key("ada", day="2026-11-22"), key("bob", day="2026-11-22")} == set(
        from_noon.vault.created
    )
    assert ["early", "mapped", "mapped"] == sorted(from_noon.states(tables.completion))


def test_an_earlier_round_that_was_too_early_does_not_count_as_certified(from_noon: World) -> None:
    from_noon.complete(completed_at=YESTERDAY.isoformat())
    from_noon.complete()
    from_noon.settle()

    assert {key(): 1} == from_noon.vault.created


def test_the_start_is_the_sites_own(from_noon: World) -> None:
    assert NOON == accounts.issue_from(from_noon.site())
    from_noon.change(tables.site, from_noon.site_id, issue_from=YESTERDAY)
    assert YESTERDAY == accounts.issue_from(from_noon.site())
