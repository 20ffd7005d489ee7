"""A whole stand-in Moodle's gradebook, over HTTP: few calls, one mail a change, no quarrels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from bridge.store import completions, tables, write_backs
from campus import completion, gradebook, teacher
from campus.app import create_app
from campus.moodle import Moodle, Settings
from campus.people import LIFESAVING, WATER_SAFETY
from campus.serve import running
from campus.state import State
from connectors.base import Completion, Course, Learner
from runtime.http import Client
from tests.bridge.conftest import CALL
from tests.bridge.world import World

TOKEN = "campus-service-token"
CERTIFICATE = 1  # the assignment in Water Safety
ADA, BOB = 7, 10
SAVE = "mod_assign_save_grades"
STATUS = "core_completion_get_course_completion_status"
ITEMS = "gradereport_user_get_grade_items"


@dataclass
class Campus:
    """A bridge whose one busy site is a stand-in Moodle."""

    world: World
    moodle: Moodle
    site_id: str = ""
    seen: Counter[str] = field(default_factory=Counter)

    def told(self, *learners: int, course: int = WATER_SAFETY) -> None:
        """Learners complete a course, and the bridge hears of it."""
        for learner in learners:
            completion.complete(self.moodle, course, learner)
        with self.world.bridge.database.write() as conn:
            now = self.world.bridge.database.now(conn)
            for learner in learners:
                found = Completion(
                    course=Course(id=str(course)), learner=Learner(id=str(learner)), noticed_at=now
                )
                completions.add(conn, self.site_id, found, delivery_id=None, now=now)

    def cell(self, learner: int = ADA, course: int = WATER_SAFETY) -> str:
        """What stands in the first column of a learner's gradebook."""
        return str(gradebook.cells(self.moodle, course, learner)[0]["feedback"] or "")

    def mails(self) -> dict[int, int]:
        rows = self.moodle.state.rows("select person, count(*) as n from mail group by person")
        return {row["person"]: row["n"] for row in rows}

    def calls(self) -> Counter[str]:
        """The calls of the web service since this was asked last."""
        now = Counter(self.moodle.calls)
        new, self.seen = now - self.seen, now
        return new

    def look(self) -> None:
        """Let the moment come at which what stands is looked at."""
        self.world.later(days=1.6)
        self.world.run("write_back")


@pytest.fixture
def campus(world: World) -> Iterator[Campus]:
    moodle: list[Moodle] = []
    state = State()

    def make(wwwroot: str) -> Any:
        settings = Settings(wwwroot=wwwroot, ws_token=TOKEN, control=True)
        moodle.append(Moodle(settings=settings, state=state, now=world.clock.now))
        return create_app(moodle[0])

    with running(make) as address:
        site_id = world.add_site(
            "moodle-main",
            "moodle",
            settings={"base_url": address},
            secrets={"token": TOKEN, "webhook_tokens": ["a-secret-of-webhooks"]},
        )
        yield Campus(world=world, moodle=moodle[0], site_id=site_id)
    state.close()


def rows_of(world: World) -> list[tuple[str, str, str]]:
    return [(r.course_id, r.learner_id, r.state) for r in world.rows(tables.write_back)]


def test_a_certificate_is_written_seen_there_and_mailed_once(campus: Campus) -> None:
    campus.told(ADA, BOB)
    campus.world.settle()

    references = {row.learner_id: row.reference_id for row in campus.world.rows(tables.issuance)}
    assert [("2", "10", "read_back"), ("2", "7", "read_back")] == sorted(rows_of(campus.world))
    assert all(references[str(who)] in campus.cell(who) for who in (ADA, BOB))
    assert {ADA: 1, BOB: 1} == campus.mails()


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


# Few calls


def enrol(campus: Campus, count: int, *, course: int = WATER_SAFETY) -> list[int]:
    """Learners of one course who have completed it, as many as that."""
    at, first = campus.moodle.time(), 1000 * course
    ids = list(range(first, first + count))
    with campus.moodle.state.transaction() as db:
        db.executemany(
            "insert into person (id, username, firstname, lastname, email, idnumber, lang, country)"
            " values (?1, 'u' || ?1, 'Ada', 'L' || ?1, 'u' || ?1 || '@x.example', '', 'en', '')",
            [(one,) for one in ids],
        )
        db.executemany(
            "insert into enrolment values (?, ?, 'student', 0)", [(course, one) for one in ids]
        )
        for table in ("criterion", "completion"):
            db.executemany(
                f"insert into {table} (course, person, completed) values (?, ?, ?)",  # noqa: S608
                [(course, one, at) for one in ids],
            )
    return ids


def generated(campus: Campus) -> None:
    """Let every issuance be final, without a vault: what a gradebook is told is all that counts."""
    world = campus.world
    with world.bridge.database.write() as conn:
        now = world.bridge.database.now(conn)
        reference = sa.literal("VEC-") + tables.issuance.c.id
        values = {"state": "generated", "generated_at": now, "next_run_at": None}
        conn.execute(sa.update(tables.issuance).values(reference_id=reference, **values))
        ids = conn.execute(sa.select(tables.issuance.c.id)).scalars().all()
        write_backs.make_due(conn, ids, now=now)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_thousand_learners_of_one_course_take_little_more_than_a_call_each(
    campus: Campus,
) -> None:
    """One for the exact time of completion, which no batch tells; all else by the hundred."""
    world, learners = campus.world, enrol(campus, 1000)
    campus.told(*learners)
    world.run("normalise")
    enriched = campus.calls()
    generated(campus)
    world.run("write_back")
    told = campus.calls()

    assert 1000 == enriched.pop(STATUS)
    assert 30 >= sum(enriched.values()), enriched
    assert 20 >= sum(told.values()), told
    assert 10 == told[SAVE]
    assert 1.1 >= (1000 + sum(enriched.values()) + sum(told.values())) / 1000
    assert {"read_back"} == set(world.states(tables.write_back))
    assert dict.fromkeys(learners, 1) == campus.mails()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_looking_at_what_stands_takes_two_calls_a_course(campus: Campus) -> None:
    world = campus.world
    courses = (WATER_SAFETY, LIFESAVING)
    for course in courses:
        campus.told(*enrol(campus, 120, course=course), course=course)
    world.run("normalise")
    generated(campus)
    world.run("write_back")
    campus.calls()
    world.later(days=1.6)
    world.run("write_back")
    looked = campus.calls()

    assert {ITEMS: 2, "core_enrol_get_enrolled_users": 2} == looked
    assert {"read_back"} == set(world.states(tables.write_back))
    assert {1} == set(campus.mails().values())


def test_learners_who_have_left_cost_a_look_few_calls(campus: Campus) -> None:
    world = campus.world
    learners: Sequence[int] = enrol(campus, 40)
    campus.told(*learners)
    world.run("normalise")
    generated(campus)
    world.run("write_back")
    campus.moodle.state.write("delete from enrolment where course = ?", WATER_SAFETY)
    campus.calls()
    campus.look()

    assert 12 == sum(campus.calls().values())
    assert {"read_back"} == set(world.states(tables.write_back))
    assert all(
        row.next_run_at - world.clock.now() > timedelta(hours=11)
        for row in world.rows(tables.write_back)
    )
