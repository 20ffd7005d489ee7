"""Telling the gradebook: once, read back, never for nothing, and never twice for one crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bridge.store import links, tables, write_backs
from connectors.base import (
    Cell,
    GradebookRow,
    Malformed,
    Permanent,
    Receipt,
    ReceiptState,
    Temporary,
)
from tests.bridge.world import World, seconds

MAPPING_WITHOUT = ("entry:", "write_back: {target: none}\nentry:")


def wake(world: World) -> None:
    """Something may have changed that the gradebook must say."""
    with world.bridge.database.write() as conn:
        now = world.bridge.database.now(conn)
        write_backs.make_due(conn, [row.id for row in world.rows(tables.issuance)], now=now)


def test_it_is_written_once_and_seen_there(world: World) -> None:
    world.generate()
    world.run("write_back")

    row = world.write_back
    assert ("read_back", 1, None) == (row.state, row.revision, row.problem)
    assert row.text == world.lms.gradebook["42", "ada"]
    assert None is not row.written_at
    assert None is not row.read_back_at
    assert (1, ["read back"]) == (len(world.lms.writes), world.history(row.id))


def test_nothing_is_written_when_nothing_changed(world: World) -> None:
    world.generate()
    world.run("write_back")
    wake(world)
    world.run("write_back")

    row = world.write_back
    assert ("read_back", 1) == (row.state, row.revision)
    assert 1 == len(world.lms.writes)


def test_a_real_change_is_written_anew(world: World) -> None:
    world.generate()
    world.run("write_back")
    with world.bridge.database.write() as conn:
        now = world.bridge.database.now(conn)
        links.revoke(conn, world.issuance.id, now=now)
        links.live_link(conn, world.issuance.id, now=now)
    wake(world)
    world.run("write_back")

    assert ("read_back", 2) == (world.write_back.state, world.write_back.revision)
    old, new = (text for _, text in world.lms.writes)
    assert (old != new, new) == (True, world.lms.gradebook["42", "ada"])


def test_a_mapping_may_leave_the_gradebook_alone(world: World) -> None:
    world.add_mapping(MAPPING_WITHOUT)
    world.complete()
    world.settle()

    assert (["generated"], [], []) == (
        world.states(),
        world.rows(tables.write_back),
        world.lms.writes,
    )


def test_several_learners_are_written_in_one_call(world: World) -> None:
    batches: list[int] = []

    def counted(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        batches.append(len(batch))
        return [world.lms.put(row) for row in batch]

    world.lms.writing.append(counted)
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.settle()

    assert ([3], ["read_back"] * 3) == (batches, world.states(tables.write_back))


def test_the_text_is_on_disk_before_it_is_sent(world: World) -> None:
    seen: list[Any] = []

    def look(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        row = world.write_back
        seen.append((row.state, row.text == batch[0].as_html()))
        return [world.lms.put(each) for each in batch]

    world.lms.writing.append(look)
    world.generate()
    world.run("write_back")

    assert [("writing", True)] == seen


def test_a_death_between_write_and_receipt_mails_the_learner_once(world: World) -> None:
    def die(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        for row in batch:
            world.lms.put(row)
        raise SystemExit("killed")

    world.lms.writing.append(die)
    world.generate()
    with pytest.raises(SystemExit):
        world.run("write_back")
    assert "writing" == world.write_back.state

    world.settle()
    assert ("read_back", 1) == (world.write_back.state, len(world.lms.writes))


def test_a_death_before_anything_was_written_is_written_after_all(world: World) -> None:
    world.lms.writing.append(SystemExit("killed"))
    world.generate()
    with pytest.raises(SystemExit):
        world.run("write_back")
    world.settle()

    assert ("read_back", 1) == (world.write_back.state, len(world.lms.writes))


@pytest.mark.parametrize("after", ["writing", "reading"])
def test_a_reply_lost_after_the_write_is_read_back_and_not_written_again(
    world: World, after: str
) -> None:
    def lost(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        for row in batch:
            world.lms.put(row)
        raise Temporary("The answer was lost.")

    if after == "writing":
        world.lms.writing.append(lost)
    else:
        world.lms.reading.append(Temporary("The answer was lost."))
    world.generate()
    world.run("write_back")
    row = world.write_back
    told = "written" if after == "reading" else "writing"
    assert (told, "The answer was lost.") == (row.state, row.problem)

    world.settle()
    assert ("read_back", None, 1) == (
        world.write_back.state,
        world.write_back.problem,
        len(world.lms.writes),
    )


def test_while_the_lms_is_down_it_waits_as_long_as_it_is_asked_to(world: World) -> None:
    world.lms.writing.extend([Temporary("down"), Temporary("down", retry_after=timedelta(hours=1))])
    world.generate()
    world.run("write_back")
    assert timedelta(seconds=10) == world.in_wait(world.write_back.next_run_at)

    world.later(seconds=10)
    world.run("write_back")
    assert timedelta(hours=1) == world.in_wait(world.write_back.next_run_at)
    assert "generated" == world.issuance.state, "a dead LMS never holds the vault's side up"

    world.settle()
    assert "read_back" == world.write_back.state


def test_what_the_sites_owner_must_mend_stands_on_the_site(world: World) -> None:
    world.lms.writing.append(Permanent("May not grade.", remedy="Grant mod/assign:grade."))
    world.generate()
    world.run("write_back")

    told = ("May not grade.", "Grant mod/assign:grade.")
    assert told == (world.site().problem, world.site().remedy)
    assert told == (world.write_back.problem, world.write_back.remedy)
    assert timedelta(seconds=10) == world.in_wait(world.write_back.next_run_at)

    world.settle()
    assert (None, "read_back") == (world.site().problem, world.write_back.state)


def test_a_course_without_a_place_waits_and_is_woken_when_it_has_one(world: World) -> None:
    world.lms.without_place.add("42")
    world.generate()
    world.run("write_back")

    row = world.write_back
    assert ("waiting", "No place there.", "Create one.") == (row.state, row.problem, row.remedy)
    assert timedelta(hours=6) == world.in_wait(row.next_run_at)
    world.later(hours=6)
    world.run("write_back")
    assert ["waiting"] == world.history(row.id), "told once, however often it is looked at"
    assert 0 == world.lms.reads, "there is nothing to read back"

    world.lms.without_place.clear()
    with world.bridge.database.write() as conn:
        now = world.bridge.database.now(conn)
        assert 1 == write_backs.waiting_in(conn, row.site_id, "42", now=now)
    world.run("write_back")
    assert ("read_back", None) == (world.write_back.state, world.write_back.problem)
    assert 1 == len(world.lms.writes)


def test_what_the_lms_refuses_waits_for_a_person(world: World) -> None:
    refusal = Receipt(state=ReceiptState.REFUSED, problem="Not enrolled.", remedy="Enrol again.")
    world.lms.writing.append(lambda batch: [refusal] * len(batch))
    world.generate()
    world.settle()

    row = world.write_back
    assert ("refused", "Not enrolled.", "Enrol again.", None) == (
        row.state,
        row.problem,
        row.remedy,
        row.next_run_at,
    )
    assert world.replay(row.id).going
    world.settle()
    assert "read_back" == world.write_back.state


def test_a_text_that_is_taken_and_not_shown_is_tried_three_times_and_then_refused(
    world: World,
) -> None:
    world.lms.swallows = 5
    world.generate()
    world.settle()

    row = world.write_back
    assert ("refused", None, 3) == (row.state, row.next_run_at, len(world.lms.writes))
    assert "does not show it" in row.problem
    assert f"vaultbridge replay {row.id}" in row.remedy
    assert {1, 2, 3} == {int(text.split('data-rev="')[1][0]) for _, text in world.lms.writes}


def test_a_text_that_shows_late_is_seen_and_not_written_again(world: World) -> None:
    world.lms.swallows = 1
    world.generate()
    world.run("write_back")
    assert ("written", "write_back.not_shown") == (world.write_back.state, world.write_back.cause)

    ((place, text),) = world.lms.writes
    world.lms.gradebook[place] = text
    world.settle()
    assert ("read_back", 1) == (world.write_back.state, len(world.lms.writes))


def test_a_certificate_made_while_another_is_being_written_is_not_forgotten(
    world: World,
) -> None:
    def meanwhile(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        receipts = [world.lms.put(row) for row in batch]
        first = {**world.issuance._mapping}
        later = {"id": "is_01a20846ffff0000000002", "mapping_name": "other", "natural_key": "k2"}
        with world.bridge.database.write() as conn:
            now = world.bridge.database.now(conn)
            reference = {"reference_id": "VEC-IC-SECOND", "vault_uuid": "u2"}
            conn.execute(sa.insert(tables.issuance).values({**first, **later, **reference}))
            write_backs.tell(conn, later["id"], "42", wanted=True)
            write_backs.make_due(conn, [later["id"]], now=now)
        return receipts

    world.lms.writing.append(meanwhile)
    world.generate()
    world.run("write_back")

    assert "VEC-IC-SECOND" in world.lms.gradebook["42", "ada"]
    assert "read_back" == world.write_back.state


def test_a_row_taken_by_another_worker_is_left_to_it_and_its_neighbours_go_on(
    world: World,
) -> None:
    def stolen(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        row = next(r for r in world.rows(tables.write_back) if r.learner_id == "ada")
        world.change(tables.write_back, row.id, fence=row.fence + 1, lease_owner="worker-2")
        return [world.lms.put(each) for each in batch]

    world.lms.writing.append(stolen)
    for who in ("ada", "bob"):
        world.complete(who)
    world.run("normalise", "issue")
    world.vault.finish()
    world.later()
    world.run("follow", "write_back")

    states = {row.learner_id: row.state for row in world.rows(tables.write_back)}
    assert {"ada": "writing", "bob": "read_back"} == states
    world.settle()
    assert (["read_back"] * 2, 2) == (world.states(tables.write_back), len(world.lms.writes))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_row_that_spoils_the_batch_spoils_its_own_only_and_none_is_written_twice(
    world: World, when: str
) -> None:
    def spoilt(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        world.lms.writing.append(spoilt)
        bad = any(row.learner_id == "bob" for row in batch)
        if bad and when == "before":
            raise ZeroDivisionError
        receipts = [world.lms.put(row) for row in batch if row.learner_id != "bob"]
        if bad:
            raise ZeroDivisionError
        return receipts

    world.lms.writing.append(spoilt)
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.settle(hours=2)

    rows = {row.learner_id: row for row in world.rows(tables.write_back)}
    assert {"ada": "read_back", "bob": "refused", "eve": "read_back"} == {
        who: row.state for who, row in rows.items()
    }
    assert "ZeroDivisionError" in rows["bob"].problem
    assert [("42", "ada"), ("42", "eve")] == sorted(place for place, _ in world.lms.writes)


def test_an_answer_of_unknown_shape_waits_for_an_upgrade(world: World) -> None:
    world.lms.writing.append(Malformed("$.warnings", "is no list"))
    world.generate()
    world.settle()

    row = world.write_back
    assert ("refused", "write_back.malformed.warnings") == (row.state, row.cause)
    assert "$.warnings: is no list" in row.problem
    assert world.replay(row.id).going
    world.settle()
    assert "read_back" == world.write_back.state


def test_a_site_that_cannot_be_used_waits_and_stops_no_other(world: World) -> None:
    world.generate()
    world.change(tables.site, world.site_id, connector="gone")
    world.run("write_back")

    row = world.write_back
    assert "No connector is called 'gone'" in row.problem
    world.change(tables.site, world.site_id, connector="scripted")
    world.settle()
    assert ("read_back", None) == (world.write_back.state, world.site().problem)


def test_a_lease_that_ends_in_the_middle_ends_in_one_text(world: World) -> None:
    impatient = replace(world.bridge.settings, lease=timedelta(seconds=61))
    world.bridge = replace(world.bridge, settings=impatient)

    def slow(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        receipts = [world.lms.put(row) for row in batch]
        world.clock.forward(timedelta(seconds=62))
        return receipts

    world.lms.writing.append(slow)
    world.generate()
    world.settle()

    assert ("read_back", 1) == (world.write_back.state, len(world.lms.writes))
    assert timedelta(seconds=62) <= seconds(
        world.write_back.read_back_at - world.write_back.created_at
    )


def test_only_certificates_that_were_final_once_and_are_meant_for_it_are_told(
    world: World,
) -> None:
    world.generate()
    row = world.issuance

    def told() -> list[str]:
        with world.bridge.database.read() as conn:
            found = write_backs.certificates(conn, [world.write_back.id])
        return [each.id for each in found.get(world.write_back.id, ())]

    assert [row.id] == told()
    world.change(tables.issuance, row.id, state="cancelled")
    assert [row.id] == told(), "it stands in the gradebook: what became of it is told"
    world.change(tables.issuance, row.id, generated_at=None)
    assert [] == told()
    world.change(tables.issuance, row.id, state="generated")
    with world.bridge.database.write() as conn:
        write_backs.tell(conn, row.id, "42", wanted=False)
    assert [] == told()


# Several certificates, several courses


def test_a_certificate_that_two_courses_share_is_told_in_both(world: World) -> None:
    world.complete(course={"id": "42"})
    world.settle()
    world.complete(course={"id": "43"})
    world.settle()

    assert {("42", "ada"), ("43", "ada")} == set(world.lms.gradebook)
    reference = world.issuance.reference_id
    assert all(reference in text for text in world.lms.gradebook.values())
    assert (["mapped", "same"], ["read_back"] * 2) == (
        world.states(tables.completion),
        world.states(tables.write_back),
    )


def test_a_certificate_shared_before_it_is_final_is_told_in_both_once_it_is(world: World) -> None:
    world.complete(course={"id": "42"})
    world.complete(course={"id": "43"})
    world.run("normalise")
    assert [] == world.rows(tables.write_back)

    world.settle()
    assert {("42", "ada"), ("43", "ada")} == set(world.lms.gradebook)
    assert 2 == len(world.lms.writes), "each gradebook once"


def test_a_course_that_shares_a_certificate_may_leave_its_gradebook_alone(world: World) -> None:
    world.add_mapping(
        ("name: course-completion", "name: quiet"),
        ('match: {course: "*"}', 'match: {course: "43"}\npriority: 1'),
        MAPPING_WITHOUT,
    )
    world.complete(course={"id": "42"})
    world.complete(course={"id": "43"})
    world.settle()

    assert {("42", "ada")} == set(world.lms.gradebook)


def test_certificates_of_two_mappings_stand_in_one_row(world: World) -> None:
    world.generate()
    world.settle()
    world.add_mapping(
        ("name: course-completion", "name: with-distinction"),
        ('match: {course: "*"}', 'match: {course: "42"}\npriority: 1'),
        ("Certificate of Completion:", "Distinction:"),
    )
    world.later(days=1)
    world.complete()
    world.settle()

    older, newer = (row.reference_id for row in world.rows(tables.issuance))
    text = world.lms.gradebook["42", "ada"]
    assert -1 < text.index(newer) < text.index(older)
    assert (["read_back"], 2) == (world.states(tables.write_back), len(world.lms.writes))


# What became of it in the gradebook


def look(world: World, *, days: float = 1.6) -> None:
    """Let the moment come at which what stands in the gradebook is looked at."""
    world.later(days=days)
    world.run("write_back")


@pytest.fixture
def written(world: World) -> World:
    """A certificate that is told in the gradebook."""
    world.generate()
    world.run("write_back")
    assert "read_back" == world.write_back.state
    return world


PLACE = ("42", "ada")


def test_what_stands_is_looked_at_every_day_and_nothing_is_noted_but_when(written: World) -> None:
    world, before = written, written.write_back
    for _ in range(3):
        look(world)

    after = world.write_back
    assert (4, 1) == (world.lms.reads, len(world.lms.writes))
    assert ["read back"] == world.history(after.id)
    assert (before.text, before.revision, "read_back") == (after.text, after.revision, after.state)
    assert before.read_back_at < after.read_back_at


def test_what_a_later_version_would_say_in_other_words_is_left_as_it_stands(
    written: World,
) -> None:
    """An upgrade is no change: it must not mail everybody who ever had a certificate."""
    world = written
    world.change(tables.issuance, world.issuance.id, certificate_title="In other words")
    world.change(tables.issuance, world.issuance.id, reference_id="VEC-IC-OTHER")
    look(world)

    assert ("read_back", 1) == (world.write_back.state, len(world.lms.writes))


def test_what_vanished_is_written_anew_once_and_the_second_time_is_told(written: World) -> None:
    world = written
    del world.lms.gradebook[PLACE]
    look(world)
    row = world.write_back
    assert ("read_back", 2, 2, 1) == (
        row.state,
        row.revision,
        len(world.lms.writes),
        row.repairs,
    )
    assert row.text == world.lms.gradebook[PLACE]
    assert ["read back", "vanished: written anew", "read back"] == world.history(row.id)

    del world.lms.gradebook[PLACE]
    look(world)
    look(world)
    row = world.write_back
    assert ("lost", "write_back.lost", 2) == (row.state, row.cause, len(world.lms.writes))
    assert "vanished again" in row.problem
    assert f"vaultbridge replay {row.id}" in row.remedy
    assert "lost" == world.history(row.id)[-1], "told once"

    assert world.replay(row.id).going
    world.run("write_back")
    assert ("read_back", None, 3) == (
        world.write_back.state,
        world.write_back.problem,
        len(world.lms.writes),
    )


def test_what_vanished_and_came_back_by_itself_is_seen(written: World) -> None:
    world, text = written, written.write_back.text
    world.change(tables.write_back, world.write_back.id, repairs=1)
    del world.lms.gradebook[PLACE]
    look(world)
    assert "lost" == world.write_back.state

    world.lms.gradebook[PLACE] = text
    look(world)
    assert ("read_back", None) == (world.write_back.state, world.write_back.problem)
    assert 1 == len(world.lms.writes)


def test_a_new_certificate_is_written_where_an_old_text_was_lost(written: World) -> None:
    world = written
    world.change(tables.write_back, world.write_back.id, repairs=1)
    del world.lms.gradebook[PLACE]
    look(world)
    world.change(tables.issuance, world.issuance.id, reference_id="VEC-IC-NEW")
    wake(world)
    world.run("write_back")

    assert ("read_back", 0) == (world.write_back.state, world.write_back.repairs)
    assert "VEC-IC-NEW" in world.lms.gradebook[PLACE]


def test_an_older_text_of_ours_that_was_restored_is_written_over(written: World) -> None:
    world, old = written, written.lms.gradebook[PLACE]
    world.change(tables.issuance, world.issuance.id, reference_id="VEC-IC-NEW")
    wake(world)
    world.run("write_back")
    world.lms.gradebook[PLACE] = old
    look(world)

    assert "VEC-IC-NEW" in world.lms.gradebook[PLACE]
    assert ("read_back", 1) == (world.write_back.state, world.write_back.repairs)


@pytest.mark.parametrize("what", ["wrote", "graded"])
def test_what_a_teacher_did_is_seen_told_and_left_alone(written: World, what: str) -> None:
    world = written
    if what == "wrote":
        world.lms.gradebook[PLACE] += "<p>See me.</p>"
    else:
        world.lms.graded.add(PLACE)
    for _ in range(3):
        look(world)

    row = world.write_back
    assert ("overridden", "write_back.overridden", 1) == (
        row.state,
        row.cause,
        len(world.lms.writes),
    )
    assert "left alone" in row.problem
    assert f"vaultbridge replay {row.id}" in row.remedy
    assert ["read back", "overridden"] == world.history(row.id), "told once"


def test_a_new_certificate_does_not_go_over_a_teachers_text(written: World) -> None:
    world = written
    world.lms.gradebook[PLACE] = "See me."
    world.change(tables.issuance, world.issuance.id, reference_id="VEC-IC-NEW")
    wake(world)
    world.run("write_back")

    assert ("overridden", "See me.") == (world.write_back.state, world.lms.gradebook[PLACE])
    assert world.replay(world.write_back.id).going
    world.run("write_back")
    assert "overridden" == world.write_back.state, "not even when a person asks for it"

    del world.lms.gradebook[PLACE]
    world.replay(world.write_back.id)
    world.run("write_back")
    assert ("read_back", None) == (world.write_back.state, world.write_back.problem)
    assert "VEC-IC-NEW" in world.lms.gradebook[PLACE]


def test_a_teachers_text_that_stood_there_first_is_left_alone(world: World) -> None:
    world.lms.gradebook[PLACE] = "See me."
    world.generate()
    world.run("write_back")

    assert ("overridden", []) == (world.write_back.state, world.lms.writes)


def test_a_teacher_who_gives_the_cell_back_finds_the_certificate_there_again(
    written: World,
) -> None:
    world, text = written, written.lms.gradebook[PLACE]
    world.lms.gradebook[PLACE] = "See me."
    look(world)
    world.lms.gradebook[PLACE] = text
    look(world)

    assert ("read_back", None, 1) == (
        world.write_back.state,
        world.write_back.problem,
        len(world.lms.writes),
    )


def test_of_whom_the_lms_does_not_tell_nothing_is_concluded(written: World) -> None:
    """Learners leave courses."""
    world = written
    world.lms.untold.add(PLACE)
    del world.lms.gradebook[PLACE]
    look(world)
    row = world.write_back
    assert ("read_back", None, 1) == (row.state, row.problem, len(world.lms.writes))
    assert world.clock.now() < row.next_run_at

    wake(world)
    world.run("write_back")
    assert ("read_back", 1) == (world.write_back.state, len(world.lms.writes))


def test_what_was_taken_and_is_not_told_of_stays_written(world: World) -> None:
    world.lms.untold.add(PLACE)
    world.generate()
    world.settle()

    row = world.write_back
    assert ("written", None, 1) == (row.state, row.problem, len(world.lms.writes))
    world.lms.untold.clear()
    look(world)
    assert ("read_back", 1) == (world.write_back.state, len(world.lms.writes))


def test_a_teacher_who_writes_while_the_receipt_is_lost_is_not_written_over(world: World) -> None:
    def lost(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        world.lms.gradebook[PLACE] = "See me."
        raise Temporary("The answer was lost.")

    world.lms.writing.append(lost)
    world.generate()
    world.settle()

    assert ("overridden", []) == (world.write_back.state, world.lms.writes)


def test_a_look_that_dies_is_made_again(written: World) -> None:
    world = written
    world.lms.reading.append(SystemExit("killed"))
    world.later(days=1.6)
    with pytest.raises(SystemExit):
        world.run("write_back")
    look(world)

    assert ("read_back", 1) == (world.write_back.state, len(world.lms.writes))


def test_a_repair_that_dies_after_the_lms_has_written_mails_the_learner_once_more_only(
    written: World,
) -> None:
    world = written

    def die(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        for row in batch:
            world.lms.put(row)
        raise SystemExit("killed")

    del world.lms.gradebook[PLACE]
    world.lms.writing.append(die)
    world.later(days=1.6)
    with pytest.raises(SystemExit):
        world.run("write_back")
    world.settle()

    assert ("read_back", 2, 1) == (
        world.write_back.state,
        len(world.lms.writes),
        world.write_back.repairs,
    )


def test_a_course_is_looked_at_in_one_call_and_never_before_what_is_to_be_written(
    world: World,
) -> None:
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.settle(hours=0.5)
    assert ["read_back"] * 3 == world.states(tables.write_back)
    world.lms.reads = 0
    order: list[str] = []

    def noted(batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        order.append("written")
        return [world.lms.put(row) for row in batch]

    def noted_look(batch: Sequence[GradebookRow]) -> Sequence[Cell | None]:
        order.append(f"looked at {len(batch)}")
        return [world.lms.cell((row.course_id, row.learner_id)) for row in batch]

    world.later(days=1.6)
    world.complete("new")
    world.run("normalise", "issue")
    world.vault.finish()
    world.later()
    world.run("follow")
    world.lms.writing.append(noted)
    world.lms.reading.extend([noted_look, noted_look])
    world.run("write_back")

    assert ["written", "looked at 1", "looked at 3"] == order


def test_a_site_that_works_again_wakes_what_is_to_be_written_and_no_looks(written: World) -> None:
    world, before = written, written.write_back.next_run_at
    world.complete("bob")
    world.settle(hours=0.1)
    other = world.rows(tables.write_back)[1]
    later = world.clock.now() + timedelta(hours=3)
    world.change(tables.write_back, other.id, state="waiting", next_run_at=later)
    with world.bridge.database.write() as conn:
        write_backs.wake(conn, world.site_id, now=world.clock.now())

    ada, bob = world.rows(tables.write_back)
    assert (before, world.clock.now()) == (ada.next_run_at, bob.next_run_at)


def test_several_hundred_rows_are_settled_in_several_transactions(world: World) -> None:
    with world.bridge.database.write() as conn:
        for number in range(230):
            conn.execute(
                sa.insert(tables.write_back).values(
                    id=f"wb_{number:022d}",
                    site_id=world.site_id,
                    course_id="42",
                    learner_id=str(number),
                    state="read_back",
                    text="t",
                    shown="t",
                    created_at=world.clock.now(),
                    next_run_at=world.clock.now(),
                )
            )
            world.lms.gradebook["42", str(number)] = "t"
    world.run("write_back")

    assert 1 == world.lms.reads
    assert {"read_back"} == set(world.states(tables.write_back))
    assert all(row.next_run_at > world.clock.now() for row in world.rows(tables.write_back))
