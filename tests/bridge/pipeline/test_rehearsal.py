"""A mapping is rehearsed: everything is made, nothing leaves, and a person decides about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa

from bridge.certificates.page import Page, RenderError
from bridge.pipeline import preview, release
from bridge.pipeline.outlook import Outlook
from bridge.pipeline.release import DecidedOtherwise, Word
from bridge.store import accounts, holds, tables
from bridge.store.states import HoldOutcome, MappingState
from tests.bridge.world import World, key

RELEASED = Word(outcome=HoldOutcome.RELEASED, who="alice", reason="looks right")
DISCARDED = Word(outcome=HoldOutcome.DISCARDED, who="alice", reason="wrong title")
RENAMED = ("Certificate of Completion: {{ course.title }}", "{{ course.title }}, passed")


@dataclass
class Printer:
    """A renderer before which something happens."""

    real: Any
    before: Callable[[Page], object]

    def render(self, page: Page) -> bytes:
        self.before(page)
        content: bytes = self.real.render(page)
        return content

    def template(self, name: str) -> Any:
        return self.real.template(name)

    def made_of(self, page: Page) -> Any:
        return self.real.made_of(page)

    def valid_until(self, page: Page) -> Any:
        return self.real.valid_until(page)


def print_after(world: World, before: Callable[[Page], object]) -> Any:
    """Have something happen before each page is printed; return the renderer there was."""
    real = world.bridge.renderer
    printer: Any = Printer(real, before)
    world.bridge = replace(world.bridge, renderer=printer)
    return real


@pytest.fixture
def rehearsed(world: World) -> World:
    """A world in which the second version of the mapping is being rehearsed."""
    world.add_mapping(("mapping: 1", "# as before\nmapping: 1"), state=MappingState.REHEARSAL)
    return world


def decide(world: World, word: Word, *ids: str) -> list[str]:
    """Decide about the only open hold; who it was about."""
    hold = next(row for row in reversed(world.rows(tables.hold)))
    return [one for part in release.decide(world.bridge, hold.id, word, ids=ids) for one in part]


def completed(world: World, *who: str) -> None:
    for name in who:
        world.complete(name)
    world.settle(hours=1)


def waiting(world: World) -> Sequence[str]:
    return sorted(row.learner_id for row in world.rows(tables.issuance) if holds.is_waiting(row))


def test_a_rehearsal_of_200_released_issues_exactly_those(rehearsed: World, kind: str) -> None:
    world, number = rehearsed, 200 if kind == "sqlite" else 30  # what many means is the same there
    learners = [f"learner{n:03}" for n in range(number)]
    for who in learners:
        world.complete(who)
        world.run("normalise")
    world.run("issue", "follow", "write_back")
    assert Counter() == world.vault.calls, "the vault was not called at all"
    world.reconcile(fix=True)
    world.settle(hours=30)

    assert ({"list"}, []) == (set(world.vault.calls), world.differences())
    assert ({}, [], 0) == (world.lms.gradebook, world.lms.writes, world.lms.reads)
    assert ["mapped"] * number == world.states(tables.completion)
    shown = {row.learner_id: row for row in world.rows(tables.issuance)}
    assert Counter(held=number) == Counter(world.states())
    assert None not in {row.file_sha256 for row in shown.values()}, "each has its PDF"
    assert [] == world.rows(tables.write_back) + world.rows(tables.link)

    assert number == len(decide(world, RELEASED))
    world.settle(hours=30)

    assert {key(who): 1 for who in learners} == world.vault.created
    assert Counter(generated=number) == Counter(world.states())
    assert Counter(read_back=number) == Counter(world.states(tables.write_back))
    sent = {row.learner_id: row.file_sha256 for row in world.rows(tables.issuance)}
    assert {who: row.file_sha256 for who, row in shown.items()} == sent, "as they were shown"
    hold = world.one(tables.hold)
    assert ("released", number, 0, "alice") == (
        hold.outcome,
        hold.released,
        hold.discarded,
        hold.closed_by,
    )


def test_what_is_not_chosen_goes_on_waiting(rehearsed: World) -> None:
    world = rehearsed
    completed(world, "ada", "bob", "eve")
    ada, bob, eve = (row.id for row in world.rows(tables.issuance))

    assert [ada] == decide(world, RELEASED, ada)
    assert [bob] == decide(world, DISCARDED, bob)
    world.settle()

    assert ["generated", "cancelled", "held"] == world.states()
    assert ({key("ada"): 1}, ["eve"]) == (world.vault.created, waiting(world))
    assert None is world.one(tables.hold).closed_at
    assert ([], []) == (decide(world, RELEASED, ada), decide(world, DISCARDED, bob))
    assert [eve] == decide(world, RELEASED, ada, eve)
    hold = world.one(tables.hold)
    assert ("released", 2, 1) == (hold.outcome, hold.released, hold.discarded)


def test_a_discarded_one_stays_visible_and_can_be_replayed(rehearsed: World) -> None:
    world = rehearsed
    completed(world, "ada")
    assert 1 == len(decide(world, DISCARDED))
    world.settle(hours=30)

    row, found = world.issuance, world.completion
    assert ("cancelled", "complete.discarded", None) == (row.state, row.cause, row.natural_key)
    assert ("discarded", "complete.discarded") == (found.state, found.cause)
    assert "alice" in found.problem
    assert "wrong title" in found.problem
    assert Counter() == world.vault.calls
    world.add_mapping(RENAMED)

    assert world.replay(found.id).going
    world.settle()

    assert {key(title="Marine Biology, passed"): 1} == world.vault.created
    assert ("generated", "mapped") == (world.issuance.state, world.completion.state)


@pytest.mark.parametrize("which", [tables.issuance, tables.completion])
def test_a_discarded_one_that_is_replayed_waits_again_while_it_is_rehearsed(
    rehearsed: World, which: sa.Table
) -> None:
    world = rehearsed
    completed(world, "ada")
    decide(world, DISCARDED)
    row_id = world.issuance.id if which is tables.issuance else world.completion.id
    (told,) = preview.foresee(world.bridge, [row_id], mapping="current")

    assert (Outlook.WAITS, "cancelled") == (told.outlook, world.issuance.state)
    assert world.replay(row_id).going
    world.settle()

    assert (["ada"], Counter()) == (waiting(world), world.vault.calls)
    assert 2 == len(world.rows(tables.hold)), "what was decided is joined by nothing"


def test_a_replay_of_what_waits_sends_nothing_and_says_how_it_is_decided(rehearsed: World) -> None:
    world = rehearsed
    completed(world, "ada")
    row = world.issuance
    world.add_mapping(RENAMED)
    said = [world.replay(row.id), world.replay(world.completion.id)]
    world.settle()

    assert [False, False] == [one.going for one in said]
    assert f"vaultbridge release {row.hold_id}" in said[0].said
    assert (["ada"], Counter()) == (waiting(world), world.vault.calls)


def test_one_that_cannot_be_printed_says_so_and_waits_printed_once_that_is_mended(
    rehearsed: World,
) -> None:
    world = rehearsed

    def no_font(_page: Page) -> None:
        raise RenderError("No font has U+10330.", remedy="Install one.", code="no_glyph")

    real = print_after(world, no_font)
    completed(world, "ada")
    assert ("held", "issue.no_glyph", None) == (
        world.issuance.state,
        world.issuance.cause,
        world.issuance.file_sha256,
    )
    world.bridge = replace(world.bridge, renderer=real)

    assert world.replay(world.issuance.id).going
    world.settle()

    row = world.issuance
    assert ("held", f"complete.rehearsal.{row.hold_id}") == (row.state, row.cause)
    assert (True, Counter()) == (row.file_sha256 is not None, world.vault.calls)
    decide(world, RELEASED)
    world.settle()
    assert {key("ada"): 1} == world.vault.created


def test_a_fault_while_printing_holds_that_one_alone(rehearsed: World) -> None:
    world = rehearsed

    def fails_for_ada(page: Page) -> None:
        if page.full_name.startswith("Ada"):
            raise ZeroDivisionError

    print_after(world, fails_for_ada)
    completed(world, "ada", "bob")
    ada, bob = world.rows(tables.issuance)

    assert ("issue.bug.ZeroDivisionError", None) == (ada.cause, ada.file_sha256)
    assert (f"complete.rehearsal.{bob.hold_id}", True) == (bob.cause, bob.file_sha256 is not None)
    assert ["ada", "bob"] == waiting(world)


def test_a_decision_while_it_is_printed_counts_and_the_printing_does_not(
    rehearsed: World,
) -> None:
    world = rehearsed
    undecided = {"ada": DISCARDED, "bob": RELEASED}

    def meanwhile(page: Page) -> None:
        who = page.full_name.split()[0].lower()
        if word := undecided.pop(who, None):
            rows = {row.learner_id: row.id for row in world.rows(tables.issuance)}
            assert [rows[who]] == decide(world, word, rows[who])

    print_after(world, meanwhile)
    completed(world, "ada")
    completed(world, "bob")
    world.settle()

    assert (["cancelled", "generated"], {key("bob"): 1}) == (world.states(), world.vault.created)


def test_published_it_issues_what_comes_next_and_what_waits_goes_on_waiting(
    rehearsed: World,
) -> None:
    world = rehearsed
    completed(world, "ada")
    world.add_mapping(("mapping: 1", "# as before\nmapping: 1"))
    completed(world, "bob")
    world.settle()

    assert ({key("bob"): 1}, ["ada"]) == (world.vault.created, waiting(world))
    decide(world, RELEASED)
    world.settle()
    assert {key("ada"): 1, key("bob"): 1} == world.vault.created


def test_what_waits_is_no_difference_and_one_discarded_neither(rehearsed: World) -> None:
    world = rehearsed
    completed(world, "ada", "bob")
    ada, _ = world.rows(tables.issuance)
    decide(world, DISCARDED, ada.id)
    world.later(days=3)
    world.reconcile(fix=True)

    assert [] == world.differences()


def test_a_decision_about_the_whole_is_not_turned_about(rehearsed: World) -> None:
    world = rehearsed
    completed(world, "ada")
    decide(world, RELEASED)

    with pytest.raises(DecidedOtherwise, match="was released as a whole by alice"):
        decide(world, DISCARDED)
    with pytest.raises(accounts.NotThere, match="There is no hold 'ho_1'"):
        list(release.decide(world.bridge, "ho_1", RELEASED))
    assert [] == decide(world, RELEASED)


def test_what_comes_while_it_is_released_is_not_among_those(
    rehearsed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = rehearsed
    monkeypatch.setattr(release, "BATCH", 1)
    completed(world, "ada", "bob")
    hold_id = world.one(tables.hold).id
    steps = release.decide(world.bridge, hold_id, RELEASED)
    next(steps)
    steps.close()
    completed(world, "eve")

    left = [row for row in world.rows(tables.issuance) if holds.is_waiting(row)]
    assert [("bob", True), ("eve", False)] == [(r.learner_id, r.hold_id == hold_id) for r in left]
    assert 1 == sum(len(part) for part in release.decide(world.bridge, hold_id, RELEASED))
    world.settle()
    assert ({key("ada"): 1, key("bob"): 1}, ["eve"]) == (world.vault.created, waiting(world))


def test_a_sibling_that_is_replayed_touches_neither_what_waits_nor_what_is_discarded(
    world: World,
) -> None:
    named = ("name: course-completion", "name: programme\nkind: programme")
    titled = ("Certificate of Completion: {{ course.title }}", "Nursing Programme")
    other = ("name: course-completion", "name: other\nkind: other")
    world.add_mapping(named, titled, state=MappingState.REHEARSAL)
    world.add_mapping(other, ("{{ learner.full_name }}", "{{ learner.custom.nickname }}"))
    completed(world, "ada")
    rows = {row.mapping_name: row for row in world.rows(tables.issuance)}
    world.add_mapping(named, titled)
    world.add_mapping(other, ("Certificate of Completion", "Another"))

    assert world.replay(rows["other"].id).going
    world.settle()
    assert ["ada"] == waiting(world)
    assert 2 == len(world.vault.created)

    decide(world, DISCARDED)
    found = world.completion
    assert ("discarded", "complete.discarded") == (found.state, found.cause)
    world.settle()
    assert 2 == len(world.vault.created)


def test_a_course_that_shares_the_certificate_says_that_it_is_discarded_too(
    rehearsed: World,
) -> None:
    world = rehearsed
    completed(world, "ada")
    world.complete("ada", course={"id": "43"})
    world.settle()
    assert ["mapped", "same"] == world.states(tables.completion)

    decide(world, DISCARDED)

    assert ["discarded"] * 2 == world.states(tables.completion)
    second = world.rows(tables.completion)[1]
    world.add_mapping()
    assert world.replay(second.id).going
    world.settle()
    assert {key("ada"): 1} == world.vault.created


def test_a_next_round_is_not_kept_back_by_one_that_was_discarded(rehearsed: World) -> None:
    world = rehearsed
    completed(world, "ada")
    decide(world, DISCARDED)
    world.add_mapping()
    world.later(days=40)
    completed(world, "ada")

    assert ["discarded", "mapped"] == world.states(tables.completion)
    assert 1 == len(world.vault.created)
