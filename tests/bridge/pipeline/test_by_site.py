"""Asking LMSs: none waits for another, and one that does not answer is left alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy.exc import OperationalError

from bridge import queue
from bridge.pipeline import by_site, complete, normalise, side_by_side
from bridge.pipeline.write_back import STEP
from bridge.store import gates, tables
from bridge.store.gates import Way
from connectors.base import Completion, GradebookRow, Permanent, Receipt, Temporary
from tests.bridge.world import SECOND, SITE, World
from tests.polling import PATIENCE_S, eventually
from tests.scripted_lms import ScriptedLms


def complete_at_second(world: World, who: str) -> None:
    answer = world.post(world.body(who), path=f"/hooks/second/{SECOND}")
    assert 202 == answer.status_code


def generated(world: World) -> None:
    """Let every certificate be made, and its write-back be due."""
    world.run("normalise", "issue")
    world.vault.finish()
    world.later()
    world.run("follow")


def down(_batch: Any) -> Any:
    raise Temporary("It is down.")


class Forever:
    """A behaviour that is never used up, and counts."""

    def __init__(self, queue: Any, behaviour: Any) -> None:
        self.calls = 0
        self.queue, self.behaviour = queue, behaviour
        queue.append(self)

    def __call__(self, batch: Any) -> Any:
        self.calls += 1
        self.queue.append(self)
        return self.behaviour(batch)

    def end(self) -> None:
        self.queue.clear()


def test_a_site_that_hangs_keeps_only_itself_waiting(world: World, second: ScriptedLms) -> None:
    """What becomes due elsewhere while it hangs is written all the same."""
    seen: list[bool] = []
    written = threading.Event()

    def hang(_batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        world.change(tables.write_back, late.id, next_run_at=world.clock.now())
        seen.append(written.wait(PATIENCE_S))
        raise Temporary("It never answered.")

    def at_once(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        second.writing.append(at_once)
        if any(row.learner_id == "late" for row in batch):
            written.set()
        return [second.put(row) for row in batch]

    world.lms.writing.append(hang)
    second.writing.append(at_once)
    world.complete("ada")
    complete_at_second(world, "bob")
    complete_at_second(world, "late")
    generated(world)
    late = next(row for row in world.rows(tables.write_back) if row.learner_id == "late")
    world.change(tables.write_back, late.id, next_run_at=None)
    world.run("write_back")

    assert [True] == seen
    assert {"bob", "late"} == {learner for _, learner in second.gradebook}


def test_completions_are_taken_up_while_another_site_hangs(
    world: World, second: ScriptedLms
) -> None:
    asked = threading.Event()
    seen: list[bool] = []

    def hang(_batch: Sequence[Completion]) -> Sequence[Completion]:
        seen.append(asked.wait(PATIENCE_S))
        raise Temporary("It never answered.")

    def told(batch: Sequence[Completion]) -> Sequence[Completion]:
        asked.set()
        return batch

    world.lms.enriching.append(hang)
    second.enriching.append(told)
    world.complete("ada")
    complete_at_second(world, "bob")
    world.run("normalise")

    assert [True] == seen
    assert {"ada": "found", "bob": "mapped"} == {
        row.learner_id: row.state for row in world.rows(tables.completion)
    }


def test_what_comes_in_while_a_site_hangs_is_read_and_taken_up(
    world: World, second: ScriptedLms, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other steps of the bell have their turn, too."""
    monkeypatch.setattr(side_by_side, "SLICE_S", 0.05)
    monkeypatch.setattr(side_by_side, "LOOK_S", 0.05)
    asked, mended = threading.Event(), threading.Event()

    def hang(batch: Sequence[Completion]) -> Sequence[Completion]:
        asked.set()
        assert mended.wait(2 * PATIENCE_S)
        return batch

    def states() -> dict[str, str]:
        queue.answer(world.bridge, "normalise")
        return {row.learner_id: row.state for row in world.rows(tables.completion)}

    world.lms.enriching.append(hang)
    world.complete("ada")
    states()
    assert asked.wait(PATIENCE_S)
    complete_at_second(world, "bob")
    try:
        eventually(lambda: states() == {"ada": "found", "bob": "mapped"})
    finally:
        mended.set()
    world.run("normalise")
    assert {"ada": "mapped", "bob": "mapped"} == states()


def test_a_site_that_is_down_for_days_is_asked_by_one_row_and_its_others_keep(
    world: World, second: ScriptedLms
) -> None:
    outage = Forever(world.lms.writing, down)
    courses = [str(number) for number in range(30)]
    for course in courses:
        # Each course is a batch of its own.
        world.complete(f"ada{course}", course={"id": course})
    complete_at_second(world, "bob")
    generated(world)
    world.run("write_back")
    before = {row.id: row for row in world.rows(tables.write_back)}
    assert {("42", "bob")} == set(second.gradebook)

    world.settle(hours=12)
    untouched = [row for row in world.rows(tables.write_back) if row.state == "due"]
    assert 15 < outage.calls < 28, "ten, twenty … seconds apart, then an hour"
    assert untouched
    assert all((row.next_run_at, row.tries) == (before[row.id].next_run_at, 0) for row in untouched)
    assert "It is down." == world.site().problem

    complete_at_second(world, "eve")
    world.settle(hours=0.25)
    assert {("42", "bob"), ("42", "eve")} == set(second.gradebook)

    outage.end()
    world.settle(hours=2)
    assert {"read_back"} == set(world.states(tables.write_back))
    assert (len(courses), None) == (len(world.lms.writes), world.site().problem)


def test_what_failed_before_never_goes_before_what_is_fresh(world: World) -> None:
    order: list[str] = []

    def noted(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        world.lms.writing.append(noted)
        order.extend(row.learner_id for row in batch)
        return [world.lms.put(row) for row in batch]

    world.lms.writing.append(noted)
    for who in ("ada", "bob"):
        world.complete(who, course={"id": who})
    generated(world)
    (stale,) = (row for row in world.rows(tables.write_back) if row.learner_id == "ada")
    long_ago = world.clock.now() - timedelta(days=3)
    world.change(tables.write_back, stale.id, tries=4, next_run_at=long_ago)
    world.run("write_back")

    assert ["bob", "ada"] == order


def test_one_row_that_the_lms_chokes_on_holds_up_nobody_but_itself(world: World) -> None:
    def choke(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        if any(row.learner_id == "bad" for row in batch):
            raise Temporary("Error writing to database")
        return [world.lms.put(row) for row in batch]

    outage = Forever(world.lms.writing, choke)
    for who in ("ada", "bad", "bob", "eve"):
        world.complete(who)
    generated(world)
    world.settle(hours=12)

    assert {"ada": "read_back", "bob": "read_back", "eve": "read_back", "bad": "writing"} == {
        row.learner_id: row.state for row in world.rows(tables.write_back)
    }
    assert {"ada", "bob", "eve"} == {learner for _, learner in world.lms.gradebook}
    assert 3 == len(world.lms.writes), "each of the others once"
    assert None is world.site().problem, "the site itself is well"
    assert 60 > outage.calls


def test_a_batch_that_outlived_its_lease_is_tried_again_as_a_smaller_one(world: World) -> None:
    """Or an LMS that is slow enough would never see the end of one."""
    sizes: list[int] = []

    def noted(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        world.lms.writing.append(noted)
        sizes.append(len(batch))
        return [world.lms.put(row) for row in batch]

    world.lms.writing.append(noted)
    ago = world.clock.now() - timedelta(seconds=1)
    with world.bridge.database.write() as conn:
        for number in range(150):
            values = {"id": f"wb_{number:022d}", "learner_id": str(number), "state": "due"}
            place = {"site_id": world.site_id, "course_id": "42"}
            held = {"lease_owner": "gone", "lease_until": ago}
            conn.execute(
                sa.insert(tables.write_back).values(
                    created_at=ago, next_run_at=ago, **values, **place, **held
                )
            )
    world.run("write_back")

    assert [100, 50] == sizes


def test_an_lms_that_never_ends_a_batch_within_a_lease_is_given_ever_smaller_ones(
    world: World,
) -> None:
    sizes: list[int] = []

    def slow(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        world.lms.writing.append(slow)
        sizes.append(len(batch))
        if len(batch) > 4:
            raise SystemExit("killed, for it took so long")
        return [world.lms.put(row) for row in batch]

    world.lms.writing.append(slow)
    for number in range(12):
        world.complete(f"ada{number:02}")
    generated(world)
    for _ in range(3):
        with pytest.raises(SystemExit):
            world.run("write_back")
        world.clock.forward(world.bridge.settings.lease)
    world.run("write_back")

    assert [12, 12, 12, 4, 4, 4] == sizes
    assert {"read_back"} == set(world.states(tables.write_back))


@pytest.mark.parametrize(
    ("tries", "expected"), [(0, 1000), (1, 200), (2, 40), (4, 1), (9, 1), (10**9, 1)]
)
def test_the_oftener_a_row_has_failed_the_smaller_its_company(tries: int, expected: int) -> None:
    assert expected == by_site.company(replace(STEP, batch=1000), tries)


def test_only_one_worker_tries_a_site_that_is_shut(world: World) -> None:
    now = world.clock.now()
    ends = now + timedelta(minutes=3)

    def way() -> Way:
        with world.bridge.database.write() as conn:
            return gates.way(conn, tables.site, world.site_id, now=now, probe_ends=ends)

    assert Way.OPEN is way()
    world.change(tables.site, world.site_id, shut_until=now + timedelta(seconds=1))
    assert Way.SHUT is way()
    world.change(tables.site, world.site_id, shut_until=now)
    assert [Way.PROBE, Way.SHUT] == [way(), way()]
    assert ends == world.site().shut_until


def test_a_try_that_dies_is_followed_by_another(world: World) -> None:
    world.lms.writing.extend([Temporary("down"), SystemExit("killed")])
    world.generate()
    world.run("write_back")
    world.later(minutes=1)
    with pytest.raises(SystemExit):
        world.run("write_back")
    world.settle(hours=1)

    assert ("read_back", None) == (world.write_back.state, world.site().shut_until)


def test_a_site_that_refuses_is_tried_every_quarter_of_an_hour_at_least(world: World) -> None:
    def refuse(_batch: Any) -> Any:
        raise Permanent("The token is refused.", remedy="Make a new token.")

    refusing = Forever(world.lms.enriching, refuse)
    world.complete()
    world.settle(hours=6)

    assert 24 <= refusing.calls
    assert timedelta(minutes=15) >= world.site().shut_until - world.clock.now()
    assert ("The token is refused.", "Make a new token.") == (
        world.site().problem,
        world.site().remedy,
    )


def test_the_log_tells_when_a_site_is_left_alone_and_when_it_is_back(world: World) -> None:
    world.lms.enriching.append(Temporary("down"))
    world.complete()
    with structlog.testing.capture_logs() as logs:
        world.settle()

    told = [(line["event"], line["site"]) for line in logs if line.get("site")]
    assert [("site_left_alone", SITE), ("site_is_back", SITE)] == told


def test_a_database_that_is_down_ends_the_step_loudly(world: World, second: ScriptedLms) -> None:
    def gone(batch: Any) -> Any:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    world.lms.enriching.append(gone)
    world.complete("ada")
    complete_at_second(world, "bob")
    normalise.run(world.bridge)
    with pytest.raises(OperationalError):
        complete.run(world.bridge)

    assert {"ada": "found", "bob": "mapped"} == {
        row.learner_id: row.state for row in world.rows(tables.completion)
    }
