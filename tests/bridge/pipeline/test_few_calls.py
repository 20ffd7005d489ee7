"""How many calls a certificate costs: to its vault and to a stock Moodle, in a burst and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bridge.pipeline import endings
from bridge.store import tables, write_backs
from campus.people import LIFESAVING, WATER_SAFETY
from tests.bridge.pipeline.at_campus import Campus
from tests.bridge.world import NOON, World
from tests.scripted_vault import Behaviour, Taken, normal

SAVE = "mod_assign_save_grades"
STATUS = "core_completion_get_course_completion_status"
ITEMS = "gradereport_user_get_grade_items"
UPLOADS = ("upload", "upload_file")
#: What a call takes by the test's clock, in milliseconds; uploads go four side by side.
TAKES = {"upload": 20, "upload_file": 5, "bulk": 500, "list": 100, "view": 20}
#: How long a vault works on one certificate.
PROCESSES = timedelta(seconds=10)


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


def takes_its_time(world: World) -> None:
    """Let the vault's calls and its work take time, as they do."""

    def usual(taken: Taken) -> Behaviour:
        world.later(milliseconds=TAKES[taken.call])
        for kept in world.vault.kept.values():
            if world.clock.now() - kept.created_at > PROCESSES:
                kept.status = "generated"
        return normal

    world.vault.usual = usual


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_burst_costs_an_upload_and_a_status_a_certificate_and_little_besides(
    campus: Campus,
) -> None:
    """Issue and docs say: for a thousand. In a smaller burst what comes besides weighs more."""
    world, count = campus.world, 200
    takes_its_time(world)
    learners = campus.enrol(count)
    campus.told(*learners)
    world.settle()

    assert [{"generated"}, {"read_back"}] == [
        set(world.states()),
        set(world.states(tables.write_back)),
    ]
    assert dict.fromkeys(learners, 1) == campus.mails()
    made, asked = Counter(world.vault.calls), campus.calls()
    uploads = sum(made.pop(name, 0) for name in UPLOADS)
    assert uploads <= 1.05 * count, made
    assert sum(made.values()) <= 0.05 * count, made
    assert sum(asked.values()) <= 1.1 * count, asked


def test_what_was_sent_within_half_a_minute_is_asked_about_ever_more_together(
    world: World,
) -> None:
    def beats(wait: float) -> int:
        sent = (NOON + timedelta(seconds=second) for second in range(30))
        return len({endings.poll_at(world.bridge, at, timedelta(seconds=wait)) for at in sent})

    assert [7, 4, 2, 2, 1] == [beats(wait) for wait in (5, 10, 20, 40, 160)]


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_thousand_learners_of_one_course_take_little_more_than_a_call_each(
    campus: Campus,
) -> None:
    """One for the exact time of completion, which no batch tells; all else by the hundred."""
    world, learners = campus.world, campus.enrol(1000)
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
        campus.told(*campus.enrol(120, course=course), course=course)
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
    learners: Sequence[int] = campus.enrol(40)
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
