"""What gradebooks say against what they were told: read again now and then, mended where ours."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.pipeline.reconcile import gradebook
from bridge.store import tables
from bridge.store.events import PIPELINE
from connectors.base import Temporary
from tests.bridge.world import SITE, World

CELL = ("42", "ada")


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


def test_a_row_is_read_again_a_day_after_it_was_seen(told: World) -> None:
    for _ in range(3):
        assert {} == told.reconcile().counts["open"]

    assert 1 == told.lms.reads
    assert told.write_back.read_back_at > told.write_back.written_at
    told.later(days=1)
    told.reconcile()
    assert 2 == told.lms.reads


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (None, "gradebook_empty"),
        ("", "gradebook_empty"),
        ('<p>Issued · <a href="https://certs.example.edu/c/old">x</a></p>', "gradebook_differs"),
    ],
)
def test_a_text_that_is_gone_or_old_is_written_anew(
    told: World, found: str | None, cause: str
) -> None:
    text = told.lms.gradebook.pop(CELL)
    if found is not None:
        told.lms.gradebook[CELL] = found

    assert {cause: 1} == told.reconcile().counts["open"]
    assert told.write_back.id == only(told).subject
    assert {cause: 1} == told.reconcile(fix=True).counts["mended"]
    told.settle(hours=1)

    assert "read_back" == told.write_back.state
    assert told.write_back.text == told.lms.gradebook[CELL]
    assert (
        text.partition("data-rev")[2][4:] == told.lms.gradebook[CELL].partition("data-rev")[2][4:]
    )
    told.later(days=2)
    assert {} == told.reconcile().counts["open"]


def test_a_teachers_text_is_left_alone(told: World) -> None:
    told.lms.gradebook[CELL] = "<p>Well swum!</p>"

    assert {"gradebook_overridden": 1} == told.reconcile(fix=True).counts["open"]
    assert "left alone" in only(told).remedy
    told.settle(hours=1)
    assert "<p>Well swum!</p>" == told.lms.gradebook[CELL]


def test_what_the_clock_read_is_not_read_again_for_a_day_but_by_a_person(told: World) -> None:
    told.lms.gradebook[CELL] = "<p>Well swum!</p>"
    for _ in range(3):
        assert {"gradebook_overridden": 1} == told.reconcile(who=PIPELINE).counts["open"]
    assert 1 == told.lms.reads

    told.lms.gradebook.pop(CELL)
    assert {"gradebook_empty": 1} == told.reconcile(who="alice").counts["open"]


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


def test_what_is_written_just_now_is_not_read(told: World) -> None:
    told.change(tables.write_back, told.write_back.id, next_run_at=told.clock.now())

    told.reconcile()

    assert 0 == told.lms.reads


def test_a_run_reads_so_many_and_no_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ("ada", "bob", "eve"):
        world.issue(who)
    world.settle(hours=1)
    world.later(days=2)
    world.lms.reads = 0
    monkeypatch.setattr(gradebook, "MOST_READ", 2)
    monkeypatch.setattr(gradebook, "READ_AT_ONCE", 1)
    world.lms.gradebook.clear()

    for expected in (2, 3):
        assert {"gradebook_empty": expected} == world.reconcile(who=PIPELINE).counts["open"]
    assert 3 == world.lms.reads
    world.later(days=1, seconds=1)
    assert {"gradebook_empty": 3} == world.reconcile(who=PIPELINE).counts["open"]
