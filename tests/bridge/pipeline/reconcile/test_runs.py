"""Runs: rows that go on where they were killed, tell what they could not compare, and repeat."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bridge import queue
from bridge.pipeline import reconcile, side_by_side
from bridge.pipeline.reconcile import causes, listed, mend, rows
from bridge.store import accounts, tables
from bridge.store.events import PIPELINE
from connectors.base import Completion, Temporary
from tests.bridge.pipeline.reconcile.campus import complete
from tests.bridge.world import NOON, SECOND, SITE, World, key
from tests.polling import PATIENCE_S, eventually

DAY = timedelta(days=1)


def step(world: World) -> bool:
    return reconcile.step(world.bridge, world.site_id)


def run_of(world: World) -> Any:
    return world.rows(tables.reconcile_run)[-1]


def test_every_cause_has_a_sentence_and_those_that_are_mended_a_mender() -> None:
    able = {name for name, c in causes.CAUSES.items() if c.mends in MENDED_BY_US}

    assert able == set(mend.MENDERS)
    assert all(cause.text.endswith(".") for cause in causes.CAUSES.values())
    assert all(len(name) <= 32 for name in causes.CAUSES)


MENDED_BY_US = (causes.Mends.FIX, causes.Mends.NAMED)


def test_the_clock_reconciles_every_so_often_and_only_reports(campus: World) -> None:
    complete(campus, "ada", NOON - DAY)
    every = campus.bridge.settings.reconcile
    campus.change(tables.site, campus.site_id, next_run_at=NOON + every)
    assert [] == queue.due_bells(campus.bridge)

    campus.later(seconds=every.total_seconds())
    assert ["reconcile"] == queue.due_bells(campus.bridge)
    campus.run("reconcile")

    run = run_of(campus)
    assert (PIPELINE, False, {"never_told": 1}) == (run.who, run.fix, run.counts["open"])
    assert timedelta(days=30) == run.started_at.replace(microsecond=0) - run.since.replace(
        microsecond=0
    )
    assert every == campus.in_wait(campus.site().next_run_at)
    campus.settle(hours=0)
    assert {} == campus.vault.created


def test_the_clock_mends_where_the_site_says_so(campus: World) -> None:
    complete(campus, "ada", NOON - DAY)
    campus.change(tables.site, campus.site_id, next_run_at=NOON, auto_mend=True)
    campus.run("reconcile")

    assert {"open": {}, "mended": {"never_told": 1}} == run_of(campus).counts
    campus.settle(hours=1)
    assert {key(day="2026-11-22"): 1} == campus.vault.created


def test_a_removed_site_is_left_alone(world: World) -> None:
    world.change(tables.site, world.site_id, next_run_at=NOON, removed_at=NOON)

    assert [] == queue.due_bells(world.bridge)
    assert not reconcile.run(world.bridge)


def test_a_second_run_is_not_begun_while_one_is_under_way(world: World) -> None:
    given = {"since": NOON - DAY, "who": "alice", "fix": False}
    first = reconcile.begin(world.bridge, world.site_id, **given)
    step(world)

    assert None is reconcile.begin(world.bridge, world.site_id, **given)
    world.finish_run(str(first))
    assert reconcile.begin(world.bridge, world.site_id, **given)


@pytest.mark.usefixtures("second")
def test_a_site_that_hangs_keeps_only_itself_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "SLICE_S", 0.05)
    monkeypatch.setattr(side_by_side, "LOOK_S", 0.05)
    answers = threading.Event()

    def hang(_since: datetime) -> list[Completion]:
        assert answers.wait(2 * PATIENCE_S)
        return []

    def ended() -> dict[str, bool]:
        queue.answer(world.bridge, "reconcile")
        names = {world.site(name).id: name for name in (SITE, SECOND)}
        runs = world.rows(tables.reconcile_run)
        return {names[run.site_id]: run.ended_at is not None for run in runs}

    world.lms.listing.append(hang)
    for name in (SITE, SECOND):
        world.change(tables.site, world.site(name).id, next_run_at=NOON)
    try:
        eventually(lambda: ended() == {SITE: False, SECOND: True})
    finally:
        answers.set()
    world.run("reconcile")
    assert {SITE: True, SECOND: True} == ended()


@pytest.mark.parametrize("steps", range(8))
def test_killed_after_any_step_it_goes_on_and_finds_the_same(campus: World, steps: int) -> None:
    """A process that dies holds the site until its lease ends; then another goes on."""
    complete(campus, "ada", NOON - DAY)
    campus.generate("bob")
    campus.settle(hours=1)
    campus.later(hours=1)
    run_id = reconcile.begin(
        campus.bridge, campus.site_id, since=NOON - 7 * DAY, who="alice", fix=True
    )
    for _ in range(steps):
        step(campus)
    held = campus.clock.now() + campus.bridge.settings.lease
    site = campus.site()
    campus.change(tables.site, site.id, lease_owner="dead", lease_until=held, fence=site.fence + 1)
    assert not step(campus)

    campus.later(seconds=200)
    run = campus.finish_run(str(run_id))

    assert {"never_told": 1} == run.counts["mended"]
    assert 1 == len(campus.rows(tables.difference))
    campus.settle(hours=1)
    assert 2 == campus.vault.created.total()


def test_who_lost_the_site_writes_nothing(campus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    complete(campus, "ada", NOON - DAY)
    real = listed.compare

    def slow(work: Any) -> Any:
        campus.change(tables.site, campus.site_id, fence=99, lease_owner="other")
        return real(work)

    monkeypatch.setattr(reconcile, "_BEFORE", {**reconcile._BEFORE, "lms": slow})
    reconcile.begin(campus.bridge, campus.site_id, since=NOON - 7 * DAY, who="a", fix=True)
    step(campus)

    assert [] == campus.rows(tables.difference)
    assert "lms" == run_of(campus).step


def test_our_own_bug_in_one_comparison_does_not_hide_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(_work: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(reconcile, "_BEFORE", {**reconcile._BEFORE, "lms": bug})
    world.post({"type": "course.completed", "data": 1})
    world.run("normalise")

    run = world.reconcile()

    assert {"delivery_dead": 1} == run.counts["open"]
    assert "It failed with ZeroDivisionError" in run.notices[0]["problem"]


def test_a_mending_that_fails_is_told_and_the_run_ends(
    campus: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: Any) -> None:
        raise ZeroDivisionError

    complete(campus, "ada", NOON - DAY)
    monkeypatch.setattr(mend, "MENDERS", {**mend.MENDERS, "never_told": bug})

    run = campus.reconcile(fix=True)

    assert {"never_told": 1} == run.counts["open"]
    assert ["mend"] == [notice["what"] for notice in run.notices]


def test_mending_takes_as_many_batches_as_it_needs(
    campus: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mend, "BATCH", 2)
    for who in ("ada", "bob", "eve", "joe", "kim"):
        complete(campus, who, NOON - DAY)

    assert {"never_told": 5} == campus.reconcile(fix=True).counts["mended"]
    assert 5 == len(campus.rows(tables.completion))


def test_only_the_named_causes_are_mended(campus: World) -> None:
    complete(campus, "ada", NOON - DAY)

    run = campus.reconcile(fix=True, causes=frozenset({"turned_away"}))

    assert {"open": {"never_told": 1}, "mended": {}} == run.counts


def test_old_runs_are_forgotten_and_what_they_found_is_kept(campus: World) -> None:
    complete(campus, "ada", NOON - DAY)
    campus.reconcile()
    campus.later(days=31)
    campus.reconcile()

    assert 1 == len(campus.rows(tables.reconcile_run))
    assert [("never_told", "ada")] == campus.differences()


def test_a_dead_delivery_a_quarantined_and_a_waiting_one_are_named(world: World) -> None:
    world.post({"type": "course.completed", "data": 1})
    world.complete("bob", extra={"from": "a copy"})
    world.run("normalise")
    world.complete("eve")
    world.later(hours=2)

    run = world.reconcile()

    expected = {"delivery_dead": 1, "delivery_quarantined": 1, "delivery_stuck": 1}
    assert (expected, 3) == (run.counts["open"], run.looked_at["deliveries"])
    for row in world.rows(tables.difference):
        verb = "show" if row.cause == "delivery_stuck" else "replay"
        assert f"vaultbridge {verb} {row.subject}" == row.command
        assert row.remedy


def test_completions_held_unmatched_and_stuck_are_named(world: World) -> None:
    world.complete("eve", course={"id": "7"}, learner={"email": None})
    world.add_mapping(('match: {course: "*"}', 'match: {course: "BIO-*"}'))
    world.complete("ada", course={"code": "X"})
    world.complete("bob", extra={"time_unknown": True})
    world.run("normalise")
    world.lms.enriching.extend([Temporary("down")] * 9)
    world.complete("joe")
    world.run("normalise")
    world.later(hours=2)

    found = world.reconcile().counts["open"]

    assert 1 == found["completion_unmatched"]
    assert 1 == found["completion_stuck"]
    rows_ = {row.cause: row for row in world.rows(tables.difference)}
    assert rows.TAKE_UP == rows_["completion_unmatched"].command
    assert "down" == rows_["completion_stuck"].problem


def test_issuances_held_failed_and_stuck_are_named_with_their_issuers_trouble(
    world: World,
) -> None:
    world.issue("ada", learner={"email": "none"})
    world.vault.tokens.clear()
    world.issue("bob")
    world.later(hours=2)

    found = world.reconcile().counts["open"]

    assert {"issuance_held": 1, "issuance_stuck": 1} == found
    stuck = next(r for r in world.rows(tables.difference) if r.cause == "issuance_stuck")
    assert "Its issuer main is stopped" in stuck.problem
    assert "vaultbridge issuer check main" == stuck.command


def test_what_goes_on_again_is_gone(world: World) -> None:
    world.issue("ada", learner={"email": "none"})
    world.reconcile()
    with world.bridge.database.write() as conn:
        conn.execute(sa.update(tables.issuance).values(state="cancelled"))

    assert {"open": {}, "mended": {}} == world.reconcile().counts
    assert [("issuance_held", "ada")] == world.differences("gone")


def test_the_span_bounds_what_is_looked_at_and_what_is_gone(world: World) -> None:
    world.post({"type": "course.completed", "data": 1})
    world.run("normalise")
    world.reconcile()
    world.later(days=5)

    assert {} == world.reconcile(since=DAY).counts["open"]
    assert [("delivery_dead", None)] == world.differences(), "older than the span: not judged"


def test_an_unusable_site_is_told_in_its_run(world: World) -> None:
    with world.bridge.database.write() as conn:
        accounts.change(conn, world.site_id, kind="site", connector="uninstalled")

    run = world.reconcile()

    assert "lms" in {notice["what"] for notice in run.notices}
    assert "uninstalled" in run.notices[0]["problem"]
    assert replace(world.bridge).now() == world.clock.now()
    assert SITE == world.site().name
