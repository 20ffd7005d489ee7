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
    assert ("read_back", None, 1, None) == (row.state, row.next_run_at, row.revision, row.problem)
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
    assert ("read_back", None, 1) == (row.state, row.next_run_at, row.revision)
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
    assert ("writing", "The answer was lost.") == (row.state, row.problem)

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
    assert "due" == world.write_back.state

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
    assert ("read_back", None) == (world.write_back.state, world.write_back.next_run_at)


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
