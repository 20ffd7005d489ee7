"""A person's replay, of each kind of row: what goes on, what stays, and who did it is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge.certificates.page import Page, RenderError
from bridge.store import mapping_versions, tables
from tests.bridge.world import World, key
from tests.scripted_vault import answers, cut


def told(world: World, row_id: str) -> tuple[bool, str]:
    result = world.replay(row_id)
    assert row_id == result.id
    return result.going, result.said


def test_what_is_issued_already_is_not_changed_and_it_says_so(world: World) -> None:
    world.generate()
    world.run("write_back")
    before = world.issuance
    reference = world.vault.only.reference_id

    ids = [world.one(tables.delivery).id, world.completion.id, before.id, world.write_back.id]

    assert [
        (before.id, f"It is issued as {reference}; nothing is changed."),
        (before.id, f"It is issued as {reference}; nothing is changed."),
        (before.id, f"It is issued as {reference}; nothing is changed."),
        (world.write_back.id, "The gradebook says it already; nothing is written twice."),
    ] == [(told.id, told.said) for told in map(world.replay, ids)]
    world.settle()
    assert (before, {key(): 1}, 1) == (
        world.issuance,
        world.vault.created,
        len(world.lms.writes),
    )
    assert "replayed" not in world.history(before.id), "nothing was done, so nothing is told"


@pytest.mark.parametrize(
    "row_id",
    [
        "",
        "x",
        "zz_0000000000000000000000",
        "dl_0000000000000000000000",
        "cp_0000000000000000000000",
        "is_0000000000000000000000",
        "wb_0000000000000000000000",
        "ir_0000000000000000000000",
    ],
)
def test_an_id_that_stands_for_nothing_is_told_and_harms_nothing(world: World, row_id: str) -> None:
    going, said = told(world, row_id)

    assert not going
    assert said
    assert {"replay begun", "replay ended"} >= {row.what for row in world.rows(tables.event)}


def test_every_replay_is_an_event_with_who_and_why(world: World) -> None:
    world.complete(learner={"email": "no address"})
    world.run("normalise")
    row = world.issuance

    world.replay(row.id, reason="asked the learner")

    whole = world.one(tables.replay)
    assert [
        (whole.id, "replay begun", "alice", "asked the learner"),
        (row.id, "replayed", "alice", f"asked the learner · {whole.id}"),
        (whole.id, "replay ended", "alice", "1 going again, 0 unchanged"),
    ] == [(e.subject, e.what, e.who, e.detail) for e in world.rows(tables.event)[-3:]]
    assert ("alice", "asked the learner", "done", 1, 1, 0) == (
        whole.who,
        whole.reason,
        whole.state,
        whole.selected,
        whole.going,
        whole.unchanged,
    )
    assert {"normalise", "issue", "follow", "write_back"} <= set(world.rung)


def test_a_completion_told_again_points_to_the_one_that_stands(world: World) -> None:
    world.complete(course={"id": "42"})
    world.complete(course={"id": "43"})
    world.settle()
    same = world.rows(tables.completion)[1]

    assert (False, f"It tells what {world.issuance.id} tells. Replay that one.") == told(
        world, same.id
    )


def test_what_goes_on_by_itself_is_left_alone(world: World) -> None:
    world.issue()

    going, said = told(world, world.issuance.id)

    assert (False, "It is processing and goes on by itself.") == (going, said)


def test_a_refused_entry_is_mapped_anew_after_the_mapping_was_mended(world: World) -> None:
    refusal = {"message": "no", "errors": {"certificate_title": ["is not allowed."]}}
    world.vault.then("upload", answers(422, refusal))
    world.issue()
    row = world.issuance
    assert ("failed", "The vault refuses it: certificate_title: is not allowed.") == (
        row.state,
        row.problem,
    )

    world.add_mapping(("Certificate of Completion: ", "Diploma: "))
    assert world.replay(row.id).going
    world.settle()

    fresh = world.issuance
    assert (row.id, "generated", 2) == (fresh.id, fresh.state, fresh.mapping_version)
    assert "Diploma: Marine Biology" == world.vault.only.title
    assert fresh.file_sha256 != row.file_sha256
    assert {key(title="Diploma: Marine Biology"): 1} == world.vault.created


def test_an_entry_that_may_be_at_the_vault_keeps_its_key_whatever_the_mapping_says(
    world: World,
) -> None:
    world.vault.then("upload", cut)
    world.issue()
    world.hold(world.issuance.id)
    world.add_mapping(("Certificate of Completion: ", "Diploma: "))

    going, said = told(world, world.issuance.id)
    assert (True, "An earlier attempt may have succeeded: the vault is asked first.") == (
        going,
        said,
    )
    world.settle()
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)
    assert "not found at the vault" in world.history(world.issuance.id)


def test_an_entry_that_may_be_at_the_vault_stays_however_its_completion_is_taken_up(
    world: World,
) -> None:
    world.vault.then("upload", cut)
    world.issue()
    world.hold(world.issuance.id)
    before = world.issuance
    world.add_mapping(("Certificate of Completion: ", "Diploma: "))

    again = {"state": "found", "next_run_at": world.clock.now()}
    world.change(tables.completion, world.completion.id, **again)
    world.run("normalise")

    assert (before, "mapped") == (world.issuance, world.completion.state)


def test_a_foreign_duplicate_that_was_cleared_away_is_issued_after_a_replay(
    world: World,
) -> None:
    foreign = world.vault.put(
        title="Certificate of Completion: Marine Biology",
        name="Somebody Else",
        email="ada@learners.example",
        issue_date="2026-11-23",
    )
    world.issue()
    assert "held" == world.issuance.state

    del world.vault.kept[foreign.uuid]
    assert world.replay(world.issuance.id).going
    world.settle()

    assert ["generated"] == world.states()
    assert [("upload", "duplicate"), ("upload", "done")] == world.attempts()


def test_a_replay_twice_in_a_row_is_one(world: World) -> None:
    world.complete(learner={"email": "no address"})
    world.run("normalise")
    row = world.issuance

    assert [True, True] == [world.replay(row.id).going for _ in range(2)]
    world.settle()

    assert (["held"], ["mapped"]) == (world.states(), world.states(tables.completion))
    assert world.in_wait(world.clock.now()) == timedelta()


def test_what_a_mapping_of_another_name_issues_no_longer_waits_under_the_old(world: World) -> None:
    world.add_mapping(("{{ learner.full_name }}", "{{ learner.custom.nickname }}"))
    world.complete()
    world.run("normalise")
    held = world.issuance
    assert ("held", "complete.missing.full_name") == (held.state, held.cause)

    world.add_mapping(
        ("name: course", "name: better-course"), ('site: "*"', 'site: "*"\npriority: 9')
    )
    assert world.replay(held.id).going
    world.settle()

    old, fresh = world.rows(tables.issuance)
    assert ("cancelled", "complete.superseded", "generated", "better-course-completion") == (
        old.state,
        old.cause,
        fresh.state,
        fresh.mapping_name,
    )
    assert {key(): 1} == world.vault.created


def test_a_mapping_of_another_name_takes_over_the_key_of_what_the_vault_refused(
    world: World,
) -> None:
    refusal = {"message": "no", "errors": {"details": ["is not allowed."]}}
    world.vault.then("upload", answers(422, refusal))
    world.issue()
    failed = world.issuance
    assert "failed" == failed.state

    world.add_mapping(
        ("name: course", "name: better-course"), ('site: "*"', 'site: "*"\npriority: 9')
    )
    assert world.replay(failed.id).going
    world.settle()

    assert ["cancelled", "generated"] == world.states()
    assert {key(): 1} == world.vault.created


def test_a_mapping_that_comes_back_has_its_completion_again(world: World) -> None:
    world.add_mapping(("{{ learner.full_name }}", "{{ learner.custom.nickname }}"))
    world.complete()
    world.run("normalise")
    better = [("name: course", "name: better-course"), ('site: "*"', 'site: "*"\npriority: 9')]
    world.add_mapping(*better, ("{{ learner.full_name }}", "{{ learner.custom.nick }}"))
    world.replay(world.issuance.id)
    world.run("normalise")
    assert ["cancelled", "held"] == world.states()

    with world.bridge.database.write() as conn:
        mapping_versions.deactivate(conn, "better-course-completion")
    world.add_mapping()
    world.replay(world.rows(tables.issuance)[1].id)
    world.settle()

    assert ["generated", "cancelled"] == world.states()
    assert {key(): 1} == world.vault.created


def test_what_waits_unsent_at_one_issuer_is_no_certificate_to_leave_it_at(world: World) -> None:
    class Fontless:
        def template(self, name: str) -> str:
            return name

        def render(self, page: Page) -> bytes:
            raise RenderError("No font has it.", remedy="Install one.")

    fontless: Any = Fontless()
    whole = world.bridge
    world.bridge = replace(whole, renderer=fontless)
    world.issue()
    held = world.issuance
    assert "held" == held.state
    world.add_issuer("second")

    world.bridge = whole
    with world.bridge.database.write() as conn:
        mapping_versions.deactivate(conn, "course-completion")
    world.add_mapping(("name: course", "name: second-course"), ("issuer: main", "issuer: second"))
    assert world.replay(held.id).going
    world.settle()

    assert ["cancelled", "generated"] == world.states()
    assert {key(): 1} == world.vault.created
