"""What gradebooks say against what they were told: by our rows, and for a person cell by cell."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.pipeline.reconcile import gradebook
from bridge.store import tables
from bridge.store.events import PIPELINE
from connectors.base import GradebookRow, Temporary
from tests.bridge.world import SITE, World

CELL = ("42", "ada")
#: As written by an earlier installation: its checksum tells that nobody has touched it.
OLD = GradebookRow(course_id="42", learner_id="ada", certificates=(), revision=7).as_html()


@pytest.fixture
def told(world: World) -> World:
    """Ada's certificate is issued and stands in the gradebook, since more than a day."""
    world.generate()
    world.settle(hours=1)
    world.later(days=2)
    world.lms.reads = 0
    return world


def only(world: World) -> Any:
    [row] = [row for row in world.rows(tables.difference) if row.state == "open"]
    return row


def test_the_clock_goes_by_what_our_rows_say_and_a_person_by_what_the_cells_say(
    told: World,
) -> None:
    for _ in range(3):
        assert {} == told.reconcile(who=PIPELINE).counts["open"]
    assert 0 == told.lms.reads

    assert {} == told.reconcile(who="alice").counts["open"]
    assert 1 == told.lms.reads


@pytest.mark.parametrize("found", [None, "", OLD])
def test_a_text_that_is_gone_or_old_is_written_anew(told: World, found: str | None) -> None:
    del told.lms.gradebook[CELL]
    if found is not None:
        told.lms.gradebook[CELL] = found

    assert {"gradebook_differs": 1} == told.reconcile().counts["open"]
    assert (told.write_back.id, "read_back") == (only(told).subject, told.write_back.state)
    assert 1 == len(told.lms.writes), "finding out changes nothing"
    assert {"gradebook_differs": 1} == told.reconcile(fix=True).counts["mended"]
    told.settle(hours=1)

    assert ("read_back", 2) == (told.write_back.state, len(told.lms.writes))
    assert told.write_back.text == told.lms.gradebook[CELL]
    told.later(days=2)
    assert {} == told.reconcile().counts["open"]


def test_what_a_person_saw_stays_open_until_it_is_looked_at_again(told: World) -> None:
    del told.lms.gradebook[CELL]
    told.reconcile(who="alice")

    assert {"gradebook_differs": 1} == told.reconcile(who=PIPELINE).counts["open"]
    told.run("write_back")
    assert {} == told.reconcile(who=PIPELINE).counts["open"], "written anew meanwhile"


def test_the_clock_mends_what_a_person_saw(told: World) -> None:
    del told.lms.gradebook[CELL]
    told.reconcile(who="alice")
    assert {"gradebook_differs": 1} == told.reconcile(who=PIPELINE, fix=True).counts["mended"]

    told.settle(hours=1)
    assert told.write_back.text == told.lms.gradebook[CELL]


def test_a_teachers_text_is_left_alone(told: World) -> None:
    told.lms.gradebook[CELL] = "<p>Well swum!</p>"

    assert {"gradebook_overridden": 1} == told.reconcile(fix=True).counts["open"]
    assert "left alone" in only(told).problem
    told.settle(hours=36)
    assert "overridden" == told.write_back.state
    assert {"gradebook_overridden": 1} == told.reconcile(who=PIPELINE).counts["open"]
    assert f"vaultbridge replay {told.write_back.id}" == only(told).command
    assert "<p>Well swum!</p>" == told.lms.gradebook[CELL]


def test_a_cell_that_the_teacher_has_cleared_is_told_again_at_once(told: World) -> None:
    told.lms.gradebook[CELL] = "<p>Well swum!</p>"
    told.settle(hours=36)
    del told.lms.gradebook[CELL]

    assert {"gradebook_differs": 1} == told.reconcile(fix=True).counts["mended"]
    told.settle(hours=1)
    assert ("read_back", told.lms.gradebook[CELL]) == (
        told.write_back.state,
        told.write_back.text,
    )


def test_what_vanished_again_after_it_was_mended_is_a_persons(told: World) -> None:
    for _ in range(2):
        del told.lms.gradebook[CELL]
        told.settle(hours=48)

    for who in (PIPELINE, "alice"):
        open_ = told.reconcile(who=who).counts["open"]
        assert 1 == sum(open_.values()), open_
    assert {"gradebook_lost": 1} == told.reconcile(who=PIPELINE).counts["open"]
    assert f"vaultbridge replay {told.write_back.id}" == only(told).command


def test_of_a_cell_that_the_lms_does_not_tell_nothing_is_said(told: World) -> None:
    told.lms.untold.add(CELL)

    assert {} == told.reconcile(who="alice").counts["open"]
    assert 1 == told.lms.reads


def test_cells_are_read_course_by_course(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradebook, "BATCH", 2)
    for course, who in (("43", "ada"), ("42", "ada"), ("43", "bob"), ("42", "eve"), ("44", "eve")):
        world.issue(who, course={"id": course, "title": f"Diving {course}"})
    world.settle(hours=1)
    world.lms.gradebook.clear()
    batches: list[tuple[str, ...]] = []

    def noted(batch: Any) -> Any:
        batches.append(tuple(row.course_id for row in batch))
        return [world.lms.cell((row.course_id, row.learner_id)) for row in batch]

    world.lms.reading.extend([noted] * 3)
    assert {"gradebook_differs": 5} == world.reconcile().counts["open"]

    assert [("42", "42"), ("43", "43"), ("44",)] == batches


def test_a_certificate_that_no_row_speaks_of_is_told(told: World) -> None:
    with told.bridge.database.write() as conn:
        conn.execute(tables.write_back.delete())
    told.lms.gradebook.clear()

    assert {"gradebook_untold": 1} == told.reconcile().counts["open"]
    told.reconcile(fix=True)
    told.settle(hours=1)
    assert "Issued" in told.lms.gradebook[CELL]
    assert {} == told.reconcile().counts["open"]


def test_a_course_without_a_place_is_named_with_the_command_that_makes_one(world: World) -> None:
    world.lms.without_place.add("42")
    world.generate()
    world.run("write_back")

    assert {"gradebook_waiting": 1} == world.reconcile().counts["open"]
    assert f"vaultbridge site courses {SITE} --create" == only(world).command


def test_a_refused_text_is_named_with_its_reason(world: World) -> None:
    world.lms.swallows = 9
    world.generate()
    world.settle(hours=1)

    assert {"gradebook_refused": 1} == world.reconcile().counts["open"]
    assert f"vaultbridge replay {world.write_back.id}" == only(world).command
    assert world.write_back.problem == only(world).problem


def test_a_row_that_waits_too_long_is_named(world: World) -> None:
    world.lms.writing.extend([Temporary("down")] * 9)
    world.generate()
    world.run("write_back")
    assert {} == world.reconcile().counts["open"]

    world.later(hours=1)
    assert {"gradebook_stuck": 1} == world.reconcile().counts["open"]
    assert "down" == only(world).problem


def test_an_lms_that_cannot_be_read_is_told_and_forgets_nothing(told: World) -> None:
    told.lms.gradebook[CELL] = "<p>Well swum!</p>"
    told.reconcile()
    told.later(days=1)
    told.lms.reading.append(Temporary("down"))

    run = told.reconcile()

    assert ["gradebook"] == [notice["what"] for notice in run.notices]
    assert "gradebook_overridden" == only(told).cause


def test_what_is_to_be_written_is_not_read(told: World) -> None:
    told.change(tables.write_back, told.write_back.id, state="due", next_run_at=told.clock.now())

    assert {} == told.reconcile().counts["open"]
    assert 0 == told.lms.reads


def test_what_was_written_long_ago_and_changed_just_now_is_not_stuck(told: World) -> None:
    told.change(tables.write_back, told.write_back.id, state="due", next_run_at=told.clock.now())
    assert {} == told.reconcile().counts["open"]

    told.later(hours=2)
    assert {"gradebook_stuck": 1} == told.reconcile().counts["open"]


def test_a_row_that_cannot_be_read_back_for_days_is_not_stuck(world: World) -> None:
    world.lms.untold.add(CELL)
    world.generate()
    world.settle(hours=72)

    assert "written" == world.write_back.state
    assert {} == world.reconcile(who=PIPELINE).counts["open"]
