"""A whole stand-in Moodle's gradebook, over HTTP: one mail a change, no quarrels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bridge.pipeline import correcting
from bridge.pipeline.correcting import Asked
from bridge.store import tables
from campus import completion, gradebook, teacher
from campus.moodle import Moodle
from campus.people import LIFESAVING, WATER_SAFETY
from runtime.http import Client
from tests.bridge.conftest import CALL
from tests.bridge.pipeline.at_campus import ADA, BOB, Campus
from tests.bridge.world import World

CERTIFICATE = 1  # the assignment in Water Safety
SAVE = "mod_assign_save_grades"


def rows_of(world: World) -> list[tuple[str, str, str]]:
    return [(r.course_id, r.learner_id, r.state) for r in world.rows(tables.write_back)]


def test_a_certificate_is_written_seen_there_and_mailed_once(campus: Campus) -> None:
    campus.told(ADA, BOB)
    campus.world.settle()

    references = {row.learner_id: row.reference_id for row in campus.world.rows(tables.issuance)}
    assert [("2", "10", "read_back"), ("2", "7", "read_back")] == sorted(rows_of(campus.world))
    assert all(references[str(who)] in campus.cell(who) for who in (ADA, BOB))
    assert {ADA: 1, BOB: 1} == campus.mails()


def test_of_a_correction_moodle_mails_and_nobody_besides(campus: Campus) -> None:
    world = campus.world
    sending = {"mail_server": "smtp://127.0.0.1:1", "mail_from": "certificates@example.edu"}
    world.bridge = replace(world.bridge, settings=replace(world.bridge.settings, **sending))
    world.vault.revokes = True
    campus.told(ADA)
    world.settle()
    asked = Asked(issuance=world.issuance.id, changes={"full_name": "Augusta Ada King"})
    begun = correcting.begin(
        world.bridge, asked, who="alice", reason="Misspelt.", selected=1, approved=True
    )
    list(correcting.proceed(world.bridge, begun))
    world.settle()

    assert ["generated", "generated"] == world.states()
    assert ({ADA: 2}, []) == (campus.mails(), world.rows(tables.mail))


def test_a_worker_that_dies_after_moodle_has_written_mails_each_learner_once(
    campus: Campus,
) -> None:
    world, deaths = campus.world, []

    def die(response: httpx.Response) -> None:
        if f"wsfunction={SAVE}".encode() in response.request.content and not deaths:
            deaths.append(response)
            raise SystemExit("killed")

    with Client(allowed=["127.0.0.1"], deadline=CALL, event_hooks={"response": [die]}) as http:
        world.bridge = replace(world.bridge, lms_http=http)
        campus.told(ADA, BOB)
        with pytest.raises(SystemExit):
            world.settle()
        assert {"writing"} == set(world.states(tables.write_back))
        world.settle()

    assert {"read_back"} == set(world.states(tables.write_back))
    assert ({ADA: 1, BOB: 1}, 1) == (campus.mails(), len(deaths))


def test_two_rounds_of_a_course_stand_in_one_row_the_newest_first(campus: Campus) -> None:
    world = campus.world
    world.add_mapping(("entry:", "again: always\nentry:"))
    campus.told(ADA)
    world.settle()
    completion.reset(campus.moodle, WATER_SAFETY, ADA)
    world.later(days=400)
    campus.told(ADA)
    world.settle()

    older, newer = (row.reference_id for row in world.rows(tables.issuance))
    text = campus.cell()
    assert -1 < text.index(f"Issued · {newer}") < text.index(f"Earlier · {older}")
    assert ({ADA: 2}, ["read_back"]) == (campus.mails(), world.states(tables.write_back))


def test_a_certificate_that_two_courses_share_is_told_in_both_gradebooks(campus: Campus) -> None:
    world = campus.world
    world.add_mapping(("Certificate of Completion: {{ course.title }}", "Lifeguard"))
    campus.told(ADA)
    world.settle()
    campus.told(ADA, course=LIFESAVING)
    world.settle()

    reference = world.issuance.reference_id
    assert ["mapped", "same"] == world.states(tables.completion)
    assert all(reference in campus.cell(course=c) for c in (WATER_SAFETY, LIFESAVING))
    assert {ADA: 2} == campus.mails(), "one for each gradebook"


@pytest.mark.parametrize(
    "happens",
    [
        lambda moodle: teacher.reset(moodle, course=WATER_SAFETY),
        lambda moodle: teacher.anew(moodle, assignment=CERTIFICATE),
    ],
    ids=["the course is reset", "the assignment is made anew"],
)
def test_what_a_course_lost_is_written_anew_once_and_then_told(
    campus: Campus, happens: Callable[[Moodle], Any]
) -> None:
    world = campus.world
    campus.told(ADA)
    world.settle()
    happens(campus.moodle)
    campus.look()
    cells = [c["feedback"] for c in gradebook.cells(campus.moodle, WATER_SAFETY, ADA)]
    assert world.write_back.text in cells
    assert ({ADA: 2}, "read_back") == (campus.mails(), world.write_back.state)

    teacher.reset(campus.moodle, course=WATER_SAFETY)
    campus.look()
    campus.look()
    assert ({ADA: 2}, "lost") == (campus.mails(), world.write_back.state)


def test_a_course_whose_assignment_is_gone_waits_for_a_place(campus: Campus) -> None:
    world = campus.world
    campus.told(ADA)
    world.settle()
    campus.moodle.state.write("delete from assignment where id = ?", CERTIFICATE)
    campus.look()

    assert ("waiting", "write_back.no_place") == (world.write_back.state, world.write_back.cause)


@pytest.mark.parametrize("act", [teacher.comment, teacher.override], ids=["comments", "overrides"])
def test_a_teacher_who_takes_the_cell_is_left_alone(
    campus: Campus, act: Callable[..., Any]
) -> None:
    world = campus.world
    campus.told(ADA)
    world.settle()
    act(campus.moodle, assignment=CERTIFICATE, learner=ADA, text="<p>See me.</p>")
    campus.look()
    completion.reset(campus.moodle, WATER_SAFETY, ADA)
    world.add_mapping(("entry:", "again: always\nentry:"))
    campus.told(ADA)
    world.settle()

    assert ("<p>See me.</p>", {ADA: 1}) == (campus.cell(), campus.mails())
    assert "overridden" == world.write_back.state


def test_a_week_without_moodle_ends_in_one_mail_each(campus: Campus) -> None:
    world = campus.world
    campus.told(ADA)
    world.run("normalise", "issue")
    campus.moodle.switches.outage = "maintenance_cli"
    campus.told(BOB)
    world.settle(hours=30)
    assert ({}, True) == (campus.mails(), "503" in world.site("moodle-main").problem)

    campus.moodle.switches.outage = None
    world.settle(hours=2)
    assert ({ADA: 1, BOB: 1}, None) == (campus.mails(), world.site("moodle-main").problem)
