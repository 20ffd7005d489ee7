"""The rules by which a certificate is made once, whatever dies or is lost; a test for each.

The oracle is the vault's own count of what was created under each natural key.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from bridge.certificates import fonts
from bridge.store import tables
from runtime.database import Database
from runtime.http import Client
from tests.bridge.world import TITLE, World, key, seconds
from tests.scripted_vault import (
    Behaviour,
    Taken,
    answers,
    cut,
    late,
    lost_reply,
    normal,
)

QUIET = timedelta(seconds=120)


def outcomes(world: World) -> list[str | None]:
    return [outcome for _, outcome in world.attempts()]


def die_after_sending(world: World) -> None:
    """The process ends between "the vault answered" and "committed"."""

    class Dying(Client):
        def send(self, *args: Any, **options: Any) -> httpx.Response:
            super().send(*args, **options)
            raise SystemExit("killed")

    with Dying(allowed=["127.0.0.1"], deadline=timedelta(seconds=20)) as http:
        alive = world.bridge
        world.bridge = replace(alive, vault_http=http, owner="worker-that-dies")
        with pytest.raises(SystemExit):
            world.run("issue")
        world.bridge = alive


def test_rule_a_a_second_completion_of_one_key_is_never_sent(world: World) -> None:
    world.complete(course={"id": "42"})
    world.complete(course={"id": "43"})
    world.settle()

    assert {key(): 1} == world.vault.created
    assert 1 == world.vault.calls["upload"]
    assert ["mapped", "same"] == world.states(tables.completion)
    assert world.issuance.id == world.rows(tables.completion)[1].same_as


def test_rule_a_the_database_itself_refuses_a_second_owner_of_a_key(world: World) -> None:
    world.issue()
    row = world.issuance
    second = {**row._mapping, "id": "is_000000000000000000002", "mapping_name": "other"}

    with pytest.raises(sa.exc.IntegrityError), world.bridge.database.write() as conn:
        conn.execute(sa.insert(tables.issuance).values(**second))


def test_rule_b_entry_date_and_file_are_frozen_before_the_first_send(world: World) -> None:
    world.vault.then("upload", answers(429, headers={"Retry-After": "60"}))
    world.issue()
    before = world.issuance

    world.add_mapping(("Certificate of Completion: ", "Diploma: "), ("'UTC'", "'Pacific/Auckland'"))
    world.change(tables.issuer, world.issuer_id, institution_name="Renamed Institute")
    world.later(hours=20)  # past midnight
    world.run("normalise", "issue")

    kept = world.vault.only
    assert (TITLE, "2026-11-23") == (kept.title, kept.issue_date)
    assert before.file_sha256 == hashlib.sha256(kept.content).hexdigest()
    assert (before.file_sha256, before.details) == (world.issuance.file_sha256, kept.details)
    assert f"Ref {before.ref}" == kept.details


def test_an_issuance_keeps_by_what_its_file_was_made(world: World, tmp_path: Path) -> None:
    logo = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"/>'
    world.change(tables.issuer, world.issuer_id, logo=logo)
    world.issue()

    row = world.issuance
    files = list(fonts.unpack(tmp_path).iterdir())
    assert {
        "template": world.bridge.renderer.template("classic").digest,
        "pictures": {"logo": hashlib.sha256(logo).hexdigest()},
        "issuer": {"institution_name": world.issuer.institution_name},
        "fonts": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
        "typst": version("typst"),
        "signatories": [],
    } == row.certificate["made_of"]
    assert ("course-completion", 1) == (row.mapping_name, row.mapping_version)


def test_rule_c_the_attempt_is_on_disk_before_the_vault_hears_of_it(world: World) -> None:
    seen: list[Any] = []

    def look(taken: Taken) -> Any:
        database = Database(world.bridge.database.engine.url.render_as_string(hide_password=False))
        with database.read() as conn:
            row = conn.execute(sa.select(tables.attempt)).one()
            state = conn.execute(sa.select(tables.issuance.c.state)).scalar_one()
        database.close()
        seen.append((state, row.operation, row.outcome, row.fence, row.deadline - row.sent_at))
        return normal(taken)

    world.vault.then("upload", look)
    world.issue()

    assert [("sending", "upload", None, 1, world.bridge.settings.vault_deadline)] == seen
    assert [("upload", "done")] == world.attempts()


@pytest.mark.parametrize(
    ("behaviour", "outcome", "state", "wait"),
    [
        (answers(429, headers={"Retry-After": "600"}), "not_sent", "sending", 600),
        (answers(429), "not_sent", "sending", 10),
        (answers(404, "<html>"), "not_sent", "sending", 10),
        (answers(500, {"error_code": "SERVER_ERROR"}), "ambiguous", "sending", 120),
        (answers(502, "<html>Bad Gateway</html>"), "ambiguous", "sending", 120),
        (answers(408), "ambiguous", "sending", 120),
        (answers(201, "<html>", does_it=True), "ambiguous", "sending", 120),
        (lost_reply, "ambiguous", "sending", 120),
        (answers(413, "<html>"), "refused", "failed", None),
        (answers(422, {"message": "no", "errors": {"a": ["b"]}}), "refused", "failed", None),
    ],
)
def test_rule_d_each_answer_has_its_outcome_and_its_wait(
    world: World, behaviour: Behaviour, outcome: str, state: str, wait: int | None
) -> None:
    world.vault.then("upload", behaviour)
    world.issue()

    row = world.issuance
    next_call = world.next_due()
    expected = None if wait is None else timedelta(seconds=wait)
    assert [outcome] == outcomes(world)
    assert (state, expected) == (
        row.state,
        None if next_call is None else world.in_wait(next_call),
    )


def test_rule_d_a_vault_that_is_down_is_called_again_ever_later_and_nothing_is_doubled(
    world: World,
) -> None:
    world.vault.stop()
    world.issue()
    first = world.in_wait(world.issuer.shut_until)
    world.settle(hours=1)
    world.vault.start()
    waits = world.in_wait(world.issuer.shut_until)
    world.settle()

    assert timedelta(seconds=10) == first
    assert first < waits <= world.bridge.settings.retry_longest
    assert {"not_sent", "done"} == set(outcomes(world))
    assert {key(): 1} == world.vault.created
    assert (["generated"], None) == (world.states(), world.issuance.problem)


def test_rule_e_a_lost_answer_is_asked_about_after_the_quiet_period_and_adopted(
    world: World,
) -> None:
    world.vault.then("upload", lost_reply)
    world.issue()
    world.clock.forward(QUIET - timedelta(seconds=1))
    world.run("issue")

    assert 0 == world.vault.calls["list"]

    world.clock.forward(timedelta(seconds=1))
    world.run("issue")

    assert ("processing", world.vault.only.uuid) == (
        world.issuance.state,
        world.issuance.vault_uuid,
    )
    assert 1 == world.vault.calls["upload"]
    assert {key(): 1} == world.vault.created
    assert "adopted from the vault" in world.history(world.issuance.id)


def test_rule_e_a_death_between_answer_and_commit_ends_in_one_certificate(world: World) -> None:
    world.complete()
    world.run("normalise")
    die_after_sending(world)
    row = world.issuance

    assert ("sending", [None], "worker-that-dies") == (row.state, outcomes(world), row.lease_owner)

    world.clock.moment = row.lease_until - timedelta(seconds=1)
    world.run("issue")
    assert 1 == world.vault.calls["upload"] + world.vault.calls["list"]

    world.clock.moment = row.lease_until
    world.run("issue")
    assert 0 == world.vault.calls["list"], "the call's deadline and the quiet period come first"

    world.settle()
    assert ["generated"] == world.states()
    assert {key(): 1} == world.vault.created
    assert (1, [None]) == (world.vault.calls["upload"], outcomes(world))


def test_rule_e_what_is_not_found_twice_is_sent_again_once(world: World) -> None:
    world.vault.then("upload", cut)
    world.issue()
    world.settle()

    looked = [what for what in world.history(world.issuance.id) if "not found" in what]
    assert ["not found at the vault"] * 2 == looked
    assert [("upload", "ambiguous"), ("upload", "done")] == world.attempts()
    assert {key(): 1} == world.vault.created
    first, second = world.rows(tables.attempt)
    assert second.sent_at - first.sent_at >= 2 * QUIET


def test_rule_e_a_request_that_the_vault_works_on_late_is_adopted(world: World) -> None:
    world.vault.then("upload", late)
    world.issue()
    world.clock.forward(QUIET)
    world.run("issue")  # looks, and finds nothing yet
    world.vault.catch_up()
    world.settle()

    assert (1, {key(): 1}) == (world.vault.calls["upload"], world.vault.created)
    assert ["generated"] == world.states()


def test_rule_e_a_request_that_comes_later_than_two_looks_meets_the_duplicate_rule(
    world: World,
) -> None:
    def both(taken: Taken) -> Any:
        taken.vault._late.clear()
        first = taken.vault._upload(taken)  # the old request, at last
        assert 201 == first.status_code
        return normal(taken)

    world.vault.then("upload", late, both)
    world.issue()
    world.settle()

    assert [("upload", "ambiguous"), ("upload", "duplicate")] == world.attempts()
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)


def test_rule_e_after_two_looks_a_refused_call_is_repeated_without_looking_again(
    world: World,
) -> None:
    busy = answers(429, headers={"Retry-After": "30"})
    world.vault.then("upload", cut, busy, busy)
    world.issue()
    world.settle()

    assert ["ambiguous", "not_sent", "not_sent", "done"] == outcomes(world)
    _, second, third, fourth = world.rows(tables.attempt)
    assert timedelta(seconds=30) == seconds(third.sent_at - second.sent_at)
    assert timedelta(seconds=30) == seconds(fourth.sent_at - third.sent_at)
    assert 2 == len([query for query in world.vault.queries if "applicant_email" in query])
    assert {key(): 1} == world.vault.created


def test_rule_e_every_lost_answer_is_asked_about_anew(world: World) -> None:
    world.vault.then("upload", cut, lost_reply)
    world.issue()
    world.settle()

    assert ["ambiguous", "ambiguous"] == outcomes(world), "the second was found, not sent again"
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)


def test_rule_e_a_vault_that_cannot_be_asked_is_asked_later_and_nothing_is_sent(
    world: World,
) -> None:
    world.vault.then("upload", lost_reply)
    world.vault.then("list", answers(503, "<html>"), answers(429, headers={"Retry-After": "900"}))
    world.issue()
    world.clock.forward(QUIET)
    world.run("issue")
    world.clock.forward(timedelta(seconds=20))
    world.run("issue")

    assert timedelta(seconds=900) == world.in_wait(world.issuance.next_run_at)
    world.settle()
    assert (1, {key(): 1}) == (world.vault.calls["upload"], world.vault.created)
    assert ["generated"] == world.states()


def test_rule_e_every_page_and_status_is_searched(world: World) -> None:
    world.vault.largest_page = 2
    world.vault.then("upload", lost_reply)
    world.issue()
    world.vault.only.status = "failed"
    for number in range(5):
        world.later()
        world.vault.put(
            title=f"T{number}", name="Ada", email="ADA@learners.example", issue_date="2026-11-23"
        )
    world.run("issue")

    assert "processing" == world.issuance.state
    assert 1 == world.vault.created[key()]


def issue_over(world: World, **changed: Any) -> Any:
    """Issue where the vault already holds a certificate of the same key."""
    given = {"title": TITLE, "name": "Ada Lovelace", "email": "ada@learners.example"}
    kept = world.vault.put(**{**given, "issue_date": "2026-11-23", **changed})
    world.later()
    world.issue()
    return kept


@pytest.mark.parametrize(
    "changed",
    [
        {"details": None},
        {"details": "Ref 00000000"},
        {"details": ""},
        {"name": "Somebody Else"},
        {"source": "customer"},
    ],
    ids=str,
)
def test_rule_f_a_certificate_that_is_not_provably_ours_is_never_adopted(
    world: World, changed: dict[str, str | None]
) -> None:
    world.later(minutes=-10)
    kept = issue_over(world, **changed)
    world.later(minutes=9)  # nor does a second look, later, adopt it
    world.replay(world.issuance.id)
    world.run("normalise", "issue")

    row = world.issuance
    assert ("held", None, None) == (row.state, row.vault_uuid, row.next_run_at)
    assert kept.reference_id in row.problem
    assert {key(): 1} == world.vault.created
    assert [] == world.rows(tables.write_back)


def test_rule_f_a_foreign_certificate_of_other_spacing_and_case_is_found(world: World) -> None:
    world.vault.then("upload", answers(422, {"message": "duplicate"}))
    world.vault.put(
        title=TITLE.replace(": ", ":  "),
        name="Ada Lovelace",
        email="Ada@Learners.example",
        issue_date="2026-11-23",
    )
    world.later()
    world.issue()

    assert "held" == world.issuance.state
    assert world.vault.only.reference_id in world.issuance.problem


def test_rule_f_a_duplicate_with_our_mark_is_ours(world: World) -> None:
    def twice(taken: Taken) -> Any:
        assert 201 == normal(taken).status_code
        return normal(taken)

    world.vault.then("upload", twice)
    world.issue()

    assert [("upload", "duplicate")] == world.attempts()
    assert ("processing", world.vault.only.uuid) == (
        world.issuance.state,
        world.issuance.vault_uuid,
    )


def test_rule_f_where_a_vault_shows_no_details_only_what_was_made_since_is_ours(
    world: World,
) -> None:
    world.vault.shows_details = False
    world.vault.then("upload", lost_reply)
    world.issue()
    world.settle()
    assert ["generated"] == world.states()

    world.later(minutes=10)
    world.vault.put(
        title=TITLE, name="Bob Lovelace", email="bob@learners.example", issue_date="2026-11-23"
    )
    world.later(minutes=10)
    world.issue("bob", completed_at="2026-11-23T12:00:00Z")
    assert "held" == world.rows(tables.issuance)[1].state


def test_rule_f_what_a_customer_submitted_is_never_ours(world: World) -> None:
    world.vault.shows_details = False
    world.vault.then("upload", cut)
    world.issue()
    world.later()
    given = {"title": TITLE, "name": "Ada Lovelace", "email": "ada@learners.example"}
    world.vault.put(**given, issue_date="2026-11-23", source="customer")
    world.settle()

    assert (["held"], 1) == (world.states(), world.vault.calls["upload"])


def test_rule_f_a_duplicate_that_the_vault_does_not_list_is_held_with_its_words(
    world: World,
) -> None:
    world.vault.then("upload", answers(422, {"message": "The file is damaged."}))
    world.issue()

    row = world.issuance
    assert ("held", None) == (row.state, row.next_run_at)
    assert "The file is damaged." in row.problem


def test_rule_h_a_failed_certificate_is_retried_at_the_vault_and_never_made_anew(
    world: World,
) -> None:
    world.vault.outcomes.extend(["failed"] * 3)
    world.issue()
    world.settle()

    assert [("upload", "done"), *[("retry", "done")] * 3] == world.attempts()
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)


def test_rule_h_after_three_retries_a_person_is_told(world: World) -> None:
    world.vault.outcomes.extend(["failed"] * 4)
    world.issue()
    world.vault.only.reason = "The file is unreadable."
    world.settle()

    row = world.issuance
    assert ("failed", "failed", 3) == (row.state, row.vault_status, world.vault.calls["retry"])
    assert "The file is unreadable." in row.problem
    assert f"vaultbridge replay {row.id}" in row.remedy

    world.vault.only.reason = None
    assert world.replay(row.id).going
    world.settle()
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)


def test_rule_i_a_processing_certificate_is_asked_for_ever_less_often(world: World) -> None:
    world.issue()
    waits = []
    for _ in range(16):
        world.clock.moment = world.issuance.next_run_at
        world.run("follow")
        waits.append(world.in_wait(world.issuance.next_run_at) // timedelta(seconds=1))

    # On beats: what was sent at about one time is asked about together.
    doubling = [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
    assert [True] * 11 == [
        0.5 * expected <= wait <= 1.5 * expected
        for expected, wait in zip(doubling, waits, strict=False)
    ]
    assert [3600] * 5 == waits[11:]
    assert "processing" == world.issuance.state


def test_another_workers_fence_makes_the_first_worker_write_nothing(world: World) -> None:
    def stolen(taken: Taken) -> Any:
        taken_over = {"fence": 2, "lease_owner": "worker-2", "problem": "mine now"}
        world.change(tables.issuance, world.issuance.id, **taken_over)
        return normal(taken)

    world.vault.then("upload", stolen)
    world.issue()

    row = world.issuance
    assert ("sending", "worker-2", 2, "mine now") == (
        row.state,
        row.lease_owner,
        row.fence,
        row.problem,
    )
    assert ["done"] == outcomes(world), "what is known of a call is not forgotten"
    world.settle()
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)


def test_a_process_paused_between_its_intent_and_its_call_does_not_make_the_call(
    world: World,
) -> None:
    world.complete()
    world.run("normalise")
    # No time at all is left for a call: as if the process had been stopped for the whole lease.
    tight = replace(world.bridge.settings, lease=world.bridge.settings.vault_deadline)
    sound, world.bridge = world.bridge, replace(world.bridge, settings=tight)
    from bridge.pipeline import issue  # noqa: PLC0415

    issue.run(world.bridge)

    assert ([("upload", "not_sent")], 0) == (world.attempts(), world.vault.calls["upload"])
    world.bridge = sound
    world.settle()
    assert [("upload", "not_sent"), ("upload", "done")] == world.attempts()


def test_a_vault_that_answers_html_for_days_makes_nothing_twice(world: World) -> None:
    page = answers(502, "<html>")
    world.vault.then("upload", *[page] * 6)
    world.issue()
    world.settle(hours=72)

    assert ["ambiguous"] * 6 + ["done"] == outcomes(world)
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)
