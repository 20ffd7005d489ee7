"""What an LMS lists against what it told us: found, named, asked once, and issued with its date."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bridge.store import differences, tables
from bridge.store.events import PIPELINE
from bridge.store.states import DifferenceState
from connectors.base import Malformed, Permanent, Problem, Temporary
from tests.bridge.pipeline.reconcile.campus import complete, rough, whole
from tests.bridge.world import NOON, SITE, World, key

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_what_nobody_told_is_found_and_issued_with_its_true_date(campus: World) -> None:
    true = NOON - 3 * DAY
    complete(campus, "ada", true)

    run = campus.reconcile()
    assert {"open": {"never_told": 1}, "mended": {}} == run.counts
    [found] = campus.rows(tables.difference)
    assert (true, "open", "42", "ada") == (found.at, found.state, found.course_id, found.learner_id)
    assert "2026-11-20 12:00 UTC, and no delivery told us" in found.problem
    assert f"vaultbridge reconcile --site {SITE} --fix" == found.command
    assert [] == campus.states(tables.completion), "finding out issues nothing"

    run = campus.reconcile(fix=True)
    assert {"open": {}, "mended": {"never_told": 1}} == run.counts
    campus.settle()
    assert {key(day="2026-11-20"): 1} == campus.vault.created
    assert "Issued" in campus.lms.gradebook["42", "ada"]
    assert "found by reconciliation" in campus.history(campus.completion.id)
    assert {"open": {}, "mended": {}} == campus.reconcile().counts


def test_what_was_told_is_no_difference_however_rough_the_list(campus: World) -> None:
    complete(campus, "ada", NOON, off=timedelta(hours=14))
    complete(campus, "bob", NOON, off=-timedelta(hours=12))
    campus.generate("ada")
    campus.generate("bob")
    asked = len(campus.lms.enriched)

    run = campus.reconcile()

    assert {"open": {}, "mended": {}} == run.counts
    assert 2 == run.looked_at["lms"]
    assert asked == len(campus.lms.enriched), "nobody was asked about by himself"


def test_what_is_on_its_way_is_known(campus: World) -> None:
    """A delivery came; the LMS has not told its date yet."""
    complete(campus, "ada", NOON - HOUR)
    campus.complete("ada", extra={"time_unknown": True})
    campus.run("normalise")
    campus.change(tables.completion, campus.completion.id, round=f"noticed {NOON.isoformat()}")

    assert {"open": {}, "mended": {}} == campus.reconcile().counts


def test_a_second_round_is_told_apart_from_the_first(campus: World) -> None:
    campus.generate("ada")
    campus.later(days=300)
    complete(campus, "ada", campus.clock.now() - DAY)

    assert {"never_told": 1} == campus.reconcile().counts["open"]


def test_a_fresh_one_is_given_its_time(campus: World) -> None:
    complete(campus, "ada", NOON - timedelta(seconds=100))
    assert {} == campus.reconcile().counts["open"]

    campus.later(minutes=5)
    assert {"never_told": 1} == campus.reconcile().counts["open"]


def test_nothing_is_asked_twice_for_what_does_not_change(campus: World) -> None:
    complete(campus, "ada", NOON - DAY)
    campus.reconcile(who=PIPELINE)
    asked = len(campus.lms.enriched)
    first = campus.one(tables.difference)
    campus.later(minutes=15)

    campus.reconcile(who=PIPELINE)

    assert asked == len(campus.lms.enriched)
    again = campus.one(tables.difference)
    assert (first.id, first.first_seen_at) == (again.id, again.first_seen_at)
    assert again.last_seen_at > first.last_seen_at
    assert again.last_run != first.last_run


def test_what_is_told_after_all_is_gone(campus: World) -> None:
    complete(campus, "ada", NOON - HOUR)
    campus.reconcile()
    campus.generate("ada", completed_at=(NOON - HOUR).isoformat())

    assert {"open": {}, "mended": {}} == campus.reconcile().counts
    assert [("never_told", "ada")] == campus.differences("gone")


def test_a_late_webhook_after_mending_is_the_same(campus: World) -> None:
    complete(campus, "ada", NOON - HOUR)
    campus.reconcile(fix=True)
    campus.run("normalise")
    campus.complete("ada", extra={"time_unknown": True})
    campus.settle()

    assert ["mapped", "same"] == sorted(campus.states(tables.completion))
    assert {key(): 1} == campus.vault.created


@pytest.fixture
def from_noon(campus: World) -> World:
    """A site that issues from noon on."""
    campus.change(tables.site, campus.site_id, issue_from=NOON)
    return campus


def test_nothing_before_issue_from_is_missing(from_noon: World) -> None:
    complete(from_noon, "old", NOON - 5 * DAY)
    complete(from_noon, "near", NOON - HOUR)
    complete(from_noon, "ada", NOON + HOUR)
    from_noon.later(hours=3)

    run = from_noon.reconcile(fix=True)

    assert {"open": {}, "mended": {"never_told": 1}} == run.counts
    assert [("near", "ada")] == from_noon.lms.enriched, "last month costs no call"
    from_noon.later(minutes=15)
    from_noon.reconcile(fix=True)
    assert [("near", "ada")] == from_noon.lms.enriched, "nor does the same one twice"


def test_an_earlier_issue_from_makes_them_missing(from_noon: World) -> None:
    complete(from_noon, "near", NOON - HOUR)
    from_noon.later(hours=3)
    from_noon.reconcile()
    assert [] == from_noon.differences()

    from_noon.change(tables.site, from_noon.site_id, issue_from=NOON - DAY)
    assert {"never_told": 1} == from_noon.reconcile().counts["open"]


def test_what_a_person_dismissed_is_never_missing(campus: World) -> None:
    complete(campus, "ada", NOON - HOUR)
    campus.reconcile()
    with campus.bridge.database.write() as conn:
        row_id = campus.one(tables.difference).id
        now = campus.clock.now()
        assert differences.settle(conn, [row_id], DifferenceState.DISMISSED, who="bea", now=now)

    assert {"open": {}, "mended": {}} == campus.reconcile(fix=True).counts
    campus.settle()
    assert {} == campus.vault.created


def test_what_is_held_here_is_not_missing(campus: World) -> None:
    campus.lms.enriching.clear()
    campus.issue("ada", learner={"email": "no address"})
    complete(campus, "ada", NOON)
    campus.later(hours=1)

    assert {"issuance_held": 1} == campus.reconcile(fix=True).counts["open"]


def test_what_the_lms_lists_and_does_not_tell_is_named_and_asked_again_the_next_day(
    campus: World,
) -> None:
    complete(campus, "ada", NOON - HOUR)
    left = Problem(problem="Her enrolment is suspended.", remedy="Activate it.")
    campus.lms.enriching.clear()
    campus.lms.enriching.append(lambda batch: [left for _ in batch])

    campus.reconcile(who=PIPELINE)
    [found] = campus.rows(tables.difference)
    assert ("not_certifiable", "Activate it.") == (found.cause, found.remedy)
    assert "Her enrolment is suspended." in found.problem
    campus.reconcile(who=PIPELINE)
    assert [("not_certifiable", "ada")] == campus.differences()
    assert 1 == len(campus.lms.enriched)

    campus.later(days=1)
    campus.reconcile(who=PIPELINE)
    assert [("never_told", "ada")] == campus.differences()


def test_a_person_is_not_told_what_was_so_yesterday(campus: World) -> None:
    complete(campus, "ada", NOON - HOUR)
    campus.lms.enriching.appendleft(lambda b: [Problem(problem="p", remedy="r") for _ in b])
    campus.reconcile(who=PIPELINE)

    assert {"never_told": 1} == campus.reconcile(who="alice").counts["open"]


@pytest.mark.parametrize("count", [1, 2])
def test_deliveries_turned_away_are_named_where_they_are_enough(campus: World, count: int) -> None:
    for _ in range(count):
        campus.post(b"{}", headers={})
    complete(campus, "ada", NOON)
    complete(campus, "bob", NOON)
    campus.later(minutes=10)

    run = campus.reconcile()

    assert {"turned_away" if count == 2 else "never_told": 2} == run.counts["open"]
    for row in campus.rows(tables.difference):
        told = "2 deliveries" if count == 2 else "1 delivery"
        assert f"turned away {told} that did not prove to come from this site" in row.problem
        assert f"vaultbridge site show {SITE}" in row.remedy
    assert run.counts == campus.reconcile().counts
    assert {"open": {}} | {"mended": run.counts["open"]} == campus.reconcile(fix=True).counts


def test_what_was_turned_away_at_other_times_explains_nothing(campus: World) -> None:
    campus.post(b"{}", headers={})
    campus.later(hours=5)
    complete(campus, "ada", campus.clock.now() - HOUR)
    campus.reconcile()

    assert "turned away" not in campus.one(tables.difference).problem


def test_a_certificate_whose_completion_was_taken_back_is_named(campus: World) -> None:
    complete(campus, "ada", NOON - 2 * DAY)
    complete(campus, "eve", NOON - 10 * DAY)
    campus.reconcile(fix=True)
    campus.settle()
    campus.lms.listed.pop(0)
    campus.lms.uncompleted.add("ada")

    run = campus.reconcile(fix=True)

    assert {"open": {"withdrawn": 1}, "mended": {}} == run.counts
    [found] = [row for row in campus.rows(tables.difference) if row.state == "open"]
    ids = {row.learner_id: row.id for row in campus.rows(tables.completion)}
    assert ("ada", ids["ada"]) == (found.learner_id, found.subject)
    assert "certvault revoke" in found.remedy
    assert {"withdrawn": 1} == campus.reconcile(who=PIPELINE).counts["open"]
    assert "generated" == campus.states()[0], "nobody's certificate is touched by that"


def test_who_left_the_course_keeps_the_certificate_and_is_asked_about_once_a_week(
    campus: World,
) -> None:
    complete(campus, "ada", NOON - 2 * DAY)
    complete(campus, "eve", NOON - 10 * DAY)
    campus.reconcile(fix=True)
    campus.settle()
    campus.lms.listed.pop(0)
    asked = len(campus.lms.enriched)

    assert {} == campus.reconcile(who=PIPELINE).counts["open"]
    assert {} == campus.reconcile(who=PIPELINE).counts["open"]
    assert asked + 1 == len(campus.lms.enriched)
    campus.later(days=7)
    campus.reconcile(who=PIPELINE)
    assert asked + 2 == len(campus.lms.enriched)


def test_a_list_that_reaches_less_far_says_nothing_of_the_time_before(campus: World) -> None:
    complete(campus, "eve", NOON - 10 * DAY)
    campus.reconcile()
    complete(campus, "ada", NOON - DAY)
    campus.reconcile(fix=True)
    campus.settle()
    complete(campus, "bob", NOON - 9 * DAY)
    campus.reconcile()
    campus.lms.listed = [found for found in campus.lms.listed if found.learner.id == "ada"]
    asked = len(campus.lms.enriched)

    campus.reconcile()

    assert asked == len(campus.lms.enriched), "eve is certified and not asked about"
    assert [("never_told", "bob")] == campus.differences(), "bob is not forgotten"


def test_an_empty_list_says_nothing(campus: World) -> None:
    complete(campus, "ada", NOON - DAY)
    complete(campus, "bob", NOON - DAY)
    campus.reconcile()
    campus.lms.listed.clear()

    assert {} == campus.reconcile().counts["open"]
    assert [("never_told", "ada"), ("never_told", "bob")] == campus.differences()


@pytest.mark.parametrize(
    ("error", "problem", "remedy"),
    [
        (Temporary("down for maintenance"), "down for maintenance", "Nothing, if the next run can"),
        (Permanent("no report", remedy="Make one."), "no report", "Make one."),
        (Malformed("$.data", "is missing"), "$.data: is missing", "look at the LMS"),
    ],
    ids=["temporary", "permanent", "malformed"],
)
def test_an_lms_that_does_not_list_is_told_and_the_rest_is_compared(
    campus: World, error: Exception, problem: str, remedy: str
) -> None:
    complete(campus, "ada", NOON - DAY)
    campus.reconcile()
    campus.lms.listing.append(error)
    campus.post({"type": "course.completed", "data": 1})
    campus.run("normalise")

    run = campus.reconcile()

    [notice] = run.notices
    assert ("lms", problem) == (notice["what"], notice["problem"])
    assert remedy in notice["remedy"]
    assert "lms" not in run.looked_at
    assert {"delivery_dead": 1} == run.counts["open"]
    assert ("never_told", "ada") in campus.differences(), "what was not looked at is not gone"


def test_an_lms_that_stops_half_way_is_told_and_what_it_said_is_kept(campus: World) -> None:
    complete(campus, "ada", NOON - DAY)

    def half(_since: datetime) -> Any:
        yield from campus.lms.listed * 500
        raise Temporary("down")

    campus.lms.listing.append(half)
    run = campus.reconcile()

    assert ["lms"] == [notice["what"] for notice in run.notices]
    assert {"never_told": 1} == run.counts["open"]


@pytest.mark.parametrize("site", [SITE, "signed-main"])
def test_a_site_that_cannot_list_says_so(campus: World, site: str) -> None:
    campus.lms.lists = False

    [notice] = campus.reconcile(site=site).notices

    assert "cannot list completions" in notice["problem"]
    expected = f"vaultbridge site set {SITE}" if site == SITE else "vaultbridge completions"
    assert expected in notice["remedy"]


def test_one_answer_that_cannot_be_read_spoils_no_other(campus: World) -> None:
    complete(campus, "ada", NOON - DAY)
    complete(campus, "bob", NOON - DAY)
    campus.lms.enriching.clear()

    def spoilt(batch: Any) -> Any:
        if any(found.learner.id == "bob" for found in batch):
            raise Malformed("$.users", "should be a list")
        return [whole(campus, found) for found in batch]

    campus.lms.enriching.extend([spoilt] * 3)

    assert {"never_told": 1, "not_certifiable": 1} == campus.reconcile().counts["open"]


def test_thousands_cost_no_more_calls_than_the_list(campus: World) -> None:
    campus.complete("ada")
    campus.run("normalise")
    asked = len(campus.lms.enriched)
    campus.lms.listed = [rough("ada", NOON)] * 2500

    run = campus.reconcile()

    assert (2500, {}) == (run.looked_at["lms"], run.counts["open"])
    assert asked == len(campus.lms.enriched)


def test_an_lms_that_is_left_alone_is_asked_by_a_person_only(campus: World) -> None:
    complete(campus, "ada", NOON - DAY)
    campus.change(tables.site, campus.site_id, shut_until=NOON + DAY)

    [notice] = campus.reconcile(who=PIPELINE).notices
    assert "asked to be left alone" in notice["problem"]
    assert {"never_told": 1} == campus.reconcile(who="alice").counts["open"]
