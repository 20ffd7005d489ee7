"""Taking completions up: enriched a batch at a time, mapped, held, unmatched, or the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog

from bridge.certificates.page import Page, RenderError
from bridge.pipeline import attention, earlier, replay
from bridge.pipeline.selection import Selection
from bridge.store import failures, steps, tables, tallies
from bridge.store.states import CompletionState
from bridge.store.tallies import Tally
from connectors.base import Completion, Malformed, Permanent, Problem, Temporary
from tests.bridge.certificates.pages import a_page
from tests.bridge.world import NOON, SITE, World, key

ONLY_CHEMISTRY = ('match: {course: "*"}', 'match: {course: "CHEM-*"}')


def test_a_batch_is_enriched_in_one_call(world: World) -> None:
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.run("normalise")

    assert [("ada", "bob", "eve")] == world.lms.enriched
    assert ["mapped"] * 3 == world.states(tables.completion)


def test_a_site_whose_connector_does_not_enrich_is_mapped_as_it_is_told(world: World) -> None:
    world.post(world.body(), path="/hooks/signed/signed-main")
    world.settle()

    assert {key(): 1} == world.vault.created
    refused = world.write_back
    assert ("refused", "The connector signed cannot write to a gradebook.") == (
        refused.state,
        refused.problem,
    )
    assert "target: none" in refused.remedy


def test_while_the_lms_is_down_completions_wait_and_then_go_on(world: World) -> None:
    world.lms.enriching.extend([Temporary("down"), Temporary("d", retry_after=timedelta(hours=1))])
    world.complete()
    world.run("normalise")

    row = world.completion
    assert ("found", "down", timedelta(seconds=10)) == (
        row.state,
        row.problem,
        world.in_wait(row.next_run_at),
    )
    assert ("down", True) == (world.site().problem, "by itself" in world.site().remedy)

    world.later(seconds=10)
    world.run("normalise")
    assert timedelta(hours=1) == world.in_wait(world.completion.next_run_at)
    world.settle()
    assert (["generated"], None) == (world.states(), world.completion.problem)
    assert (None, None) == (world.site().problem, world.site().shut_until)


def test_what_the_sites_owner_must_mend_stands_on_the_site_until_it_is_mended(
    world: World,
) -> None:
    world.lms.enriching.append(Permanent("The token is refused.", remedy="Make a new token."))
    world.complete()
    world.run("normalise")

    assert ("The token is refused.", "Make a new token.") == (
        world.site().problem,
        world.site().remedy,
    )
    row = world.completion
    assert ("found", "Make a new token.", timedelta(seconds=10)) == (
        row.state,
        row.remedy,
        world.in_wait(row.next_run_at),
    )
    world.settle()
    assert (None, ["generated"]) == (world.site().problem, world.states())


def test_a_problem_with_one_learner_holds_that_one_alone(world: World) -> None:
    def one_suspended(batch: Sequence[Completion]) -> Sequence[Completion | Problem]:
        return [
            Problem(problem="Suspended.", remedy="Reactivate the account.")
            if found.learner.id == "bob"
            else found
            for found in batch
        ]

    world.lms.enriching.append(one_suspended)
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.run("normalise")

    _, held, _ = world.rows(tables.completion)
    assert ["mapped", "held", "mapped"] == world.states(tables.completion)
    assert "Suspended." == held.problem
    assert f"Reactivate the account. Then `vaultbridge replay {held.id}`." == held.remedy

    assert world.replay(held.id).going
    world.settle()
    assert ["generated"] * 3 == world.states()


@pytest.mark.parametrize(
    "exc", [Malformed("$[1].email", "is no text"), ZeroDivisionError()], ids=["shape", "bug"]
)
def test_one_that_spoils_the_batch_spoils_its_own_only(world: World, exc: Exception) -> None:
    def spoilt(batch: Sequence[Completion]) -> Sequence[Completion]:
        world.lms.enriching.append(spoilt)
        if any(found.learner.id == "bob" for found in batch):
            raise exc
        return batch

    world.lms.enriching.append(spoilt)
    for who in ("ada", "bob", "eve"):
        world.complete(who)
    world.settle(hours=2)

    _, held, _ = world.rows(tables.completion)
    assert ["mapped", "held", "mapped"] == world.states(tables.completion)
    assert ["generated", "generated"] == world.states()
    told = str(exc) or "ZeroDivisionError"
    assert told in held.problem
    assert f"vaultbridge replay {held.id}" in held.remedy


def test_a_connector_that_mixes_learners_up_has_nothing_issued(world: World) -> None:
    def mixed(batch: Sequence[Completion]) -> Sequence[Completion]:
        return [replace(batch[1], learner=batch[0].learner), batch[0]]

    world.complete("ada", course={"id": "1"})
    world.complete("bob", course={"id": "2"})
    world.lms.enriching.append(mixed)
    world.run("normalise")

    assert [("ada", "bob"), ("ada",), ("bob",)] == world.lms.enriched
    assert ["Ada Lovelace", "Bob Lovelace"] == [r.full_name for r in world.rows(tables.issuance)]


def test_one_missing_answer_gives_nobody_anothers(world: World) -> None:
    world.complete("ada")
    world.complete("bob")
    world.lms.enriching.append(lambda batch: [batch[1]])
    world.run("normalise")

    assert ["Ada Lovelace", "Bob Lovelace"] == [r.full_name for r in world.rows(tables.issuance)]


def test_an_event_fired_twice_is_one_round_once_the_lms_tells_the_true_time(
    world: World,
) -> None:
    world.lms.true_times["ada"] = NOON
    world.complete(extra={"time_unknown": True})
    world.later()
    world.complete(extra={"time_unknown": True})
    world.settle()

    first, second = world.rows(tables.completion)
    assert ("2026-11-23", "mapped") == (first.round, first.state)
    assert ("same", first.id) == (second.state, second.same_as)
    assert {key(): 1} == world.vault.created
    assert "told again" in world.history(first.id)


def test_a_completion_that_no_mapping_matches_is_kept_and_taken_up_later(world: World) -> None:
    world.add_mapping(ONLY_CHEMISTRY)
    world.complete()
    world.settle()

    row = world.completion
    assert (CompletionState.UNMATCHED, [], None) == (row.state, world.states(), row.next_run_at)
    assert "vaultbridge mappings take-up" in row.remedy

    world.add_mapping()
    assert 1 == earlier.take_up(world.bridge, [row.id], who="alice")
    world.settle()
    assert ["generated"] == world.states()
    assert 0 == earlier.take_up(world.bridge, [row.id], who="alice")
    taken = [e for e in world.rows(tables.event) if e.what == "unmatched taken up"]
    assert [("alice", "1")] == [(e.who, e.detail) for e in taken]


@pytest.mark.parametrize(
    ("section", "given", "field"),
    [
        ("learner", {"full_name": " "}, "full_name"),
        ("learner", {"full_name": None}, "full_name"),
        ("learner", {"email": "no address"}, "applicant_email"),
        ("course", {"title": "x" * 256}, "certificate_title"),
    ],
)
def test_an_entry_that_is_not_complete_is_held_and_says_so(
    world: World, section: str, given: dict[str, Any], field: str
) -> None:
    body = world.body()
    told = {**body["data"][section], **given}
    body["data"][section] = {name: value for name, value in told.items() if value is not None}
    world.post(body)
    world.settle()

    row = world.issuance
    assert ("held", None, None) == (row.state, row.next_run_at, row.natural_key)
    assert f"entry.{field}: " in row.problem
    assert row.remedy
    assert {} == world.vault.created


def test_a_held_entry_is_issued_after_its_cause_is_mended_and_replayed(world: World) -> None:
    world.complete(learner={"email": "no address"})
    world.run("normalise")
    before = world.issuance

    def mended(batch: Sequence[Completion]) -> Sequence[Completion]:
        return [
            replace(found, learner=replace(found.learner, email="ada@learners.example"))
            for found in batch
        ]

    world.lms.enriching.append(mended)
    assert world.replay(before.id).going
    world.settle()

    assert (before.id, "generated", None) == (
        world.issuance.id,
        world.issuance.state,
        world.issuance.problem,
    )
    assert {key(): 1} == world.vault.created


def test_a_page_that_cannot_be_printed_is_held_with_what_to_do(world: World) -> None:
    class Fontless:
        def template(self, name: str) -> str:
            return name

        def render(self, page: Page) -> bytes:
            raise RenderError(f"No font prints {page.full_name}.", remedy="Install one.")

    fontless: Any = Fontless()
    world.bridge = replace(world.bridge, renderer=fontless)
    world.issue()

    row = world.issuance
    assert ("held", "No font prints Ada Lovelace.", "Install one.", []) == (
        row.state,
        row.problem,
        row.remedy,
        world.attempts(),
    )


@pytest.mark.parametrize(
    ("char", "told", "package"),
    [
        ("\U0001f469", "(U+1F469, Common)", "fonts-noto-color-emoji"),
        ("\U00010570", "(U+10570, Vithkuqi)", "fonts-unifont"),
    ],
)
def test_a_name_that_no_font_prints_is_held_naming_the_character_and_its_package(
    world: World, char: str, told: str, package: str
) -> None:
    """Neither package is installed where nothing may be skipped."""
    name = f"Ana {char}"
    if not world.bridge.renderer.missing(a_page(full_name=name)):
        pytest.skip(f"A font here has {char}.")
    world.issue(learner={"full_name": name})

    row = world.issuance
    assert ("held", f"No font here can print: {char!r} {told} in the full name.", []) == (
        row.state,
        row.problem,
        world.attempts(),
    )
    assert f"apt-get install {package}" in row.remedy


def test_the_same_e_mail_title_and_date_of_another_learner_is_held_naming_both(
    world: World,
) -> None:
    shared = {"email": "family@learners.example"}
    world.complete("ada", learner=shared)
    world.complete("bob", learner=shared)
    world.settle()

    mine, other = world.rows(tables.issuance)
    assert ("generated", "held", None) == (mine.state, other.state, other.natural_key)
    assert "ada" in other.problem
    assert mine.id in other.problem
    assert 1 == sum(world.vault.created.values())
    assert {("42", "ada")} == set(world.lms.gradebook), "bob is shown nothing of ada's"


def test_the_same_learner_at_another_site_is_another_learner(world: World) -> None:
    world.complete("ada")
    world.post(world.body("ada"), path="/hooks/signed/signed-main")
    world.settle()

    assert ["generated", "held"] == sorted(world.states())


def test_an_issuance_held_for_anothers_e_mail_goes_on_once_it_is_corrected(world: World) -> None:
    world.complete("ada", learner={"email": "family@learners.example"})
    world.complete("bob", learner={"email": "family@learners.example"})
    world.settle()
    held = world.rows(tables.issuance)[1]

    def corrected(batch: Sequence[Completion]) -> Sequence[Completion]:
        (found,) = batch
        return [replace(found, learner=replace(found.learner, email="bob@learners.example"))]

    world.lms.enriching.append(corrected)
    world.replay(held.id)
    world.settle()

    assert ["generated", "generated"] == world.states()


def test_a_mapping_whose_issuer_is_gone_holds_and_says_so(world: World) -> None:
    world.change(tables.issuer, world.issuer_id, removed_at=world.clock.now())
    world.complete()
    world.run("normalise")

    row = world.completion
    assert ("held", 0) == (row.state, row.tries)
    assert "There is no issuer called 'main'" in row.problem
    assert f"vaultbridge replay {row.id}" in row.remedy


def test_a_completion_taken_by_another_worker_meanwhile_is_left_to_it(world: World) -> None:
    def stolen(batch: Sequence[Completion]) -> Sequence[Completion]:
        row = world.completion
        world.change(tables.completion, row.id, fence=row.fence + 1, lease_owner="worker-2")
        return batch

    world.lms.enriching.append(stolen)
    world.complete()
    world.run("normalise")

    row = world.completion
    assert ("found", "worker-2", []) == (row.state, row.lease_owner, world.states())
    world.settle()
    assert ["generated"] == world.states()


# A learner's next round: never, after, always.


def round_two(world: World, *, days: float) -> None:
    """Complete, be certified, and complete again so many days later."""
    world.complete()
    world.settle()
    world.clock.moment = NOON + timedelta(days=days)
    world.complete()
    world.settle()


def test_again_never_issues_nothing_for_the_next_round_and_names_the_first(world: World) -> None:
    round_two(world, days=400)

    first, second = world.rows(tables.completion)
    assert ("mapped", "again", ["generated"]) == (first.state, second.state, world.states())
    assert first.id in second.problem
    assert "never" in second.problem


@pytest.mark.parametrize(("days", "expected"), [(299, 1), (300, 2)])
def test_again_after_certifies_the_next_round_when_it_is_late_enough(
    world: World, days: int, expected: int
) -> None:
    world.add_mapping(("entry:", "again: {after: 300 days}\nentry:"))
    round_two(world, days=days)

    assert ["generated"] * expected == world.states()


def test_again_always_certifies_every_round_and_the_gradebook_tells_the_newest_first(
    world: World,
) -> None:
    world.add_mapping(("entry:", "again: always\nentry:"))
    round_two(world, days=1)

    assert ["generated", "generated"] == world.states()
    assert {key(): 1, key(day="2026-11-24"): 1} == world.vault.created
    older, newer = (row.reference_id for row in world.rows(tables.issuance))
    text = world.lms.gradebook["42", "ada"]
    assert -1 < text.index(newer) < text.index(older)
    assert 2 == len(world.lms.writes)


def test_what_again_issues_nothing_for_is_one_item_a_course_and_needs_nobody(
    world: World,
) -> None:
    courses = {"42": "Marine Biology", "43": "Botany"}
    for day in range(3):
        world.clock.moment = NOON + timedelta(days=100 * day)
        for who in ("ada", "bob"):
            for number, title in courses.items():
                world.complete(who, course={"id": number, "title": title})
        world.settle()
    with world.bridge.database.read() as conn:
        groups = {group.cause: dict(group.states) for group in failures.groups(conn)}
        needed, standing = attention.matters(conn), steps.unfinished(conn)
        told = tallies.by_site(conn, since=NOON - timedelta(days=1))[SITE]

    items = {f"complete.earlier_round.{number}": 4 for number in courses}
    assert {cause: {"again": size} for cause, size in items.items()} == groups
    assert ([], [], Tally(certified=4, left=items)) == (needed, standing, told)

    world.add_mapping(("entry:", "again: always\nentry:"))
    begun = replay.begin(
        world.bridge, Selection(cause="complete.earlier_round.43"), who="alice", reason="each year"
    )
    *_, last = replay.proceed(world.bridge, begun)
    world.settle()

    assert (4, 8) == (last.going, len(world.vault.created))


def test_a_next_round_goes_on_after_again_was_changed_in_the_mapping(world: World) -> None:
    round_two(world, days=30)
    held = world.rows(tables.completion)[1]
    world.add_mapping(("entry:", "again: always\nentry:"))

    assert world.replay(held.id).going
    world.settle()

    assert ["generated", "generated"] == world.states()


def test_a_failed_first_round_is_not_held_for_a_later_one(world: World) -> None:
    world.add_mapping(("entry:", "again: {after: 10 days}\nentry:"))
    world.complete(learner={"email": "no address"})
    world.run("normalise")
    world.clock.moment = NOON + timedelta(days=20)
    world.complete()
    world.run("normalise")
    first = world.rows(tables.issuance)[0]

    def mended(batch: Sequence[Completion]) -> Sequence[Completion]:
        (found,) = batch
        return [replace(found, learner=replace(found.learner, email="ada@learners.example"))]

    world.lms.enriching.append(mended)
    world.replay(first.id)
    world.settle()

    assert ["generated", "generated"] == world.states()


def test_again_never_also_counts_a_certificate_shared_with_another_course(world: World) -> None:
    world.complete(course={"id": "42"})
    world.complete(course={"id": "43"})
    world.settle()
    world.clock.moment = NOON + timedelta(days=30)
    world.complete(course={"id": "43"})
    world.settle()

    assert ["mapped", "same", "again"] == world.states(tables.completion)
    assert ["generated"] == world.states()


def test_a_held_issuance_that_turns_out_to_be_another_of_the_learners_is_cancelled(
    world: World,
) -> None:
    world.complete(course={"id": "43"}, learner={"email": "no address"})
    world.complete(course={"id": "42"})
    world.settle()
    held = world.rows(tables.issuance)[0]

    def mended(batch: Sequence[Completion]) -> Sequence[Completion]:
        (found,) = batch
        return [replace(found, learner=replace(found.learner, email="ada@learners.example"))]

    world.lms.enriching.append(mended)
    world.replay(held.id)
    world.settle()

    assert ["cancelled", "generated"] == world.states()
    cancelled, issued = world.rows(tables.issuance)
    assert issued.id in cancelled.problem
    refused = world.replay(cancelled.id)
    assert (False, True) == (refused.going, "cancelled" in refused.said)
    assert SITE == world.site().name


def test_one_that_spoils_a_common_commit_leaves_its_neighbours_unharmed(world: World) -> None:
    for who in ("ada", "bob", "eve"):
        world.complete(who)

    def spoilt(batch: Sequence[Completion]) -> Sequence[Completion]:
        return [
            replace(found, extra={"no": object()}) if found.learner.id == "bob" else found
            for found in batch
        ]

    world.lms.enriching.append(spoilt)
    with structlog.testing.capture_logs() as logs:
        world.run("normalise")

    assert {"ada": (0, "mapped"), "bob": (1, "found"), "eve": (0, "mapped")} == {
        row.learner_id: (row.tries, row.state) for row in world.rows(tables.completion)
    }
    assert ["ada", "eve"] == sorted(row.learner_id for row in world.rows(tables.issuance))
    assert "step_failed" in [line["event"] for line in logs]
