"""Many failures of one cause: grouped, mended once, previewed, and replayed together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from bridge import queue
from bridge.certificates.page import Page, RenderError
from bridge.pipeline import preview, replay, selection
from bridge.pipeline.outlook import Foreseen, Outlook, totals
from bridge.pipeline.selection import Selection
from bridge.store import failures, replays, tables
from bridge.store.failures import Example, Failures
from connectors.base import Permanent, Problem
from tests.bridge.world import SITE, TITLE, World, key
from tests.scripted_lms import DOWN
from tests.scripted_vault import answers, cut

WRONG = ("{{ learner.full_name }}", "{{ learner.custom.nickname }}")
NAMELESS = Selection(cause="complete.missing.full_name")


def grouped(world: World, **only: str) -> Sequence[Failures]:
    with world.bridge.database.read() as conn:
        return failures.groups(conn, **only)


def selected(world: World, meant: Selection) -> Sequence[str]:
    with world.bridge.database.read() as conn:
        return selection.select(conn, meant, now=world.clock.now())


def foreseen(world: World, *ids: str, mapping: str = "current") -> list[Foreseen]:
    return list(preview.foresee(world.bridge, ids, mapping=mapping))


def outlooks(world: World, *ids: str, mapping: str = "current") -> list[tuple[Outlook, str | None]]:
    return [(each.outlook, each.cause) for each in foreseen(world, *ids, mapping=mapping)]


def replayed(world: World, meant: Selection, *, mapping: str = "current") -> tuple[int, int]:
    """How many are going again, and how many it changed nothing of."""
    begun = replay.begin(world.bridge, meant, who="alice", reason="mended", mapping=mapping)
    *_, last = replay.proceed(world.bridge, begun)
    return last.going, last.unchanged


def test_fifty_of_one_cause_are_a_group_mended_once_previewed_and_replayed_as_one(
    world: World,
) -> None:
    world.add_mapping(WRONG)
    for number in range(50):
        world.complete(f"ada{number}", enrolled=50)
    world.run("normalise")
    rows = world.rows(tables.issuance)

    assert [
        Failures(
            cause="complete.missing.full_name",
            connector="scripted",
            places=(SITE,),
            states={"held": 50},
            first_seen=min(row.failing_since for row in rows),
            last_seen=max(row.failing_since for row in rows),
            example=Example(
                id=rows[-1].id, problem="entry.full_name: is empty", remedy=rows[-1].remedy
            ),
        )
    ] == grouped(world)
    ids = selected(world, NAMELESS)
    assert [(Outlook.FAILS, "complete.missing.full_name")] * 50 == outlooks(world, *ids)

    world.add_mapping()

    assert {"would be issued": 50} == totals(foreseen(world, *ids))
    assert {"held"} == set(world.states()), "a preview changes nothing"
    assert (50, 0) == replayed(world, NAMELESS)
    world.settle()
    assert (["generated"] * 50, [1] * 50) == (world.states(), list(world.vault.created.values()))
    assert [] == grouped(world)
    assert (0, 50) == replayed(world, Selection(ids=tuple(ids)))
    assert {"changes nothing": 50} == totals(foreseen(world, *ids))
    world.settle()
    assert [1] * 50 == list(world.vault.created.values())


def test_what_was_mended_in_the_lms_is_foreseen_and_issued(world: World) -> None:
    world.complete("ada", learner={"email": None})
    world.complete("bob", learner={"email": None})
    world.run("normalise")
    without = Selection(cause="complete.missing.applicant_email")
    world.lms.emails["ada"] = "ada@learners.example"

    ada, bob = selected(world, without)
    told, other = foreseen(world, ada, bob)

    said = f"{TITLE} · Ada Lovelace · 2026-11-23"
    assert Foreseen(id=ada, outlook=Outlook.ISSUED, said=said) == told
    assert (Outlook.FAILS, "complete.missing.applicant_email") == (other.outlook, other.cause)
    assert (2, 0) == replayed(world, without)
    world.settle()
    assert (["generated", "held"], {key(): 1}) == (world.states(), world.vault.created)
    assert [1] == [group.size for group in grouped(world)]


def test_the_same_trouble_again_lasts_since_it_began(world: World) -> None:
    world.complete(learner={"email": None})
    world.run("normalise")
    (before,) = grouped(world)
    world.later(hours=5)

    assert (1, 0) == replayed(world, Selection(cause="complete"))
    world.run("normalise")

    assert [before] == grouped(world)


def test_a_replay_that_was_interrupted_goes_on_where_it_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 2)
    world.add_mapping(WRONG)
    for number in range(5):
        world.complete(f"ada{number}")
    world.run("normalise")
    world.add_mapping()
    begun = replay.begin(world.bridge, NAMELESS, who="alice")

    steps = replay.proceed(world.bridge, begun)
    first = next(steps)
    steps.close()
    replay.leave(world.bridge, begun)
    world.settle()

    assert (2, 2, 2) == (first.going, len(first.results), len(world.vault.created))
    assert "running" == world.one(tables.replay).state
    *_, last = replay.proceed(world.bridge, begun)
    world.settle()
    assert (5, 5, 0) == (last.selected, last.going, last.unchanged)
    assert (["generated"] * 5, [1] * 5) == (world.states(), list(world.vault.created.values()))
    assert "done" == world.one(tables.replay).state
    assert ["replay begun", "replay ended"] == world.history(begun)
    assert [1] * 5 == [
        world.history(row.id).count("replayed") for row in world.rows(tables.issuance)
    ]


def test_a_worker_goes_on_with_what_nobody_works_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 2)
    for number in range(5):
        world.complete(f"ada{number}", learner={"email": None})
    world.run("normalise")
    begun = replay.begin(world.bridge, Selection(cause="complete"), who="alice")
    steps = replay.proceed(world.bridge, begun)
    next(steps)
    steps.close()  # as if it was killed

    world.run("reconcile")
    assert 2 == world.one(tables.replay).going, "whoever began it may be at it"
    world.later(seconds=world.bridge.settings.lease.total_seconds())
    assert "reconcile" in queue.due_bells(world.bridge)
    world.run("reconcile")

    row = world.one(tables.replay)
    assert ("done", 5, 0, None, None) == (
        row.state,
        row.going,
        row.unchanged,
        row.next_run_at,
        row.lease_owner,
    )
    assert {1} == {world.history(row.id).count("replayed") for row in world.rows(tables.issuance)}


def test_a_long_replay_is_worked_off_slice_by_slice_and_in_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 1)
    monkeypatch.setattr(replay, "SLICE_S", 0)
    for who in ("ada", "bob", "eve"):
        world.complete(who, learner={"email": None})
    world.run("normalise")
    both = [
        replay.begin(world.bridge, Selection(cause="complete"), who=who, by_worker=True)
        for who in ("alice", "bea")
    ]

    assert "reconcile" in world.rung
    assert [True, True] == [replay.run(world.bridge), replay.run(world.bridge)]
    with world.bridge.database.read() as conn:
        rows = [replays.by_id(conn, row_id) for row_id in both]
    assert [1, 1] == [row.going + row.unchanged for row in rows]


def test_what_is_beyond_its_limits_is_not_meant(world: World) -> None:
    for who, course in (("ada", "42"), ("bob", "77")):
        world.complete(who, learner={"email": None}, course={"id": course})
    world.run("normalise")

    meant = [
        Selection(cause="complete", limits=limits)
        for limits in (
            {"courses": [f"{SITE}/42"]},
            {"sites": ["other"]},
            {"issuers": ["main"], "sites": [SITE]},
        )
    ]

    assert [1, 0, 2] == [len(selected(world, one)) for one in meant]
    assert meant == [selection.unpacked(one.packed()) for one in meant]
    assert Selection(limits={"sites": [SITE]}).is_empty


def test_two_that_go_on_with_one_replay_count_each_row_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "BATCH", 1)
    for name in ("ada", "bob", "eve"):
        world.complete(name, learner={"email": None})
    world.run("normalise")
    begun = replay.begin(world.bridge, Selection(cause="complete"), who="alice")

    one, other = replay.proceed(world.bridge, begun), replay.proceed(world.bridge, begun)
    assert 1 == next(one).going
    assert 2 == next(other).going
    (stopped,) = one
    *_, last = other

    assert [] == list(stopped.results), "it sees that another goes on with it"
    assert (3, 0, 3) == (last.going, last.unchanged, last.selected)


def test_what_fails_after_it_was_begun_is_not_meant(world: World) -> None:
    world.complete("ada", learner={"email": None})
    world.run("normalise")
    begun = replay.begin(world.bridge, Selection(cause="complete"), who="alice")
    world.later()
    world.complete("bob", learner={"email": None})
    world.run("normalise")

    *_, last = replay.proceed(world.bridge, begun)

    assert (1, 1) == (last.selected, last.going)


def test_the_original_mapping_is_the_version_it_was_mapped_with(world: World) -> None:
    world.complete("ada", learner={"email": None})
    world.complete("bob", learner={"email": None})
    world.run("normalise")
    world.lms.emails |= {"ada": "ada@learners.example", "bob": "bob@learners.example"}
    world.add_mapping(("Certificate of Completion: ", "Diploma: "))
    ada, bob = (row.id for row in world.rows(tables.issuance))

    (then,) = foreseen(world, ada, mapping="original")
    (now,) = foreseen(world, bob)
    assert then.said.startswith("Certificate of Completion: Marine Biology")
    assert now.said.startswith("Diploma: Marine Biology")

    assert (1, 0) == replayed(world, Selection(ids=(ada,)), mapping="original")
    assert (1, 0) == replayed(world, Selection(ids=(bob,)))
    world.settle()

    assert [1, 2] == [row.mapping_version for row in world.rows(tables.issuance)]
    assert {key(): 1, key("bob", title="Diploma: Marine Biology"): 1} == world.vault.created
    assert {None} == {row.map_with for row in world.rows(tables.completion)}


def test_each_kind_of_row_is_foreseen(world: World) -> None:
    world.post(b"no json")
    world.complete("bug", extra={"bug": True})
    world.complete("ada", learner={"email": "ada"})
    world.run("normalise")
    world.vault.then("upload", cut)
    world.issue("eve")
    lost = world.rows(tables.issuance)[-1].id
    world.hold(lost)
    world.lms.without_place.add("42")
    world.generate("ivy")
    world.run("write_back")
    dead, *_ = world.rows(tables.delivery)
    held, _, issued = world.rows(tables.issuance)

    assert [
        (Outlook.FAILS, "normalise.malformed.whole"),
        (Outlook.FAILS, "complete.invalid.applicant_email"),
        (Outlook.VAULT, None),
        (Outlook.UNCHANGED, None),
        (Outlook.WRITTEN, None),
        (Outlook.UNCHANGED, None),
    ] == outlooks(world, dead.id, held.id, lost, issued.id, world.write_back.id, "nonsense")


def test_a_delivery_is_foreseen_through_to_its_certificate(world: World) -> None:
    world.complete("ada", extra={"from": "staging"})
    world.complete("bob", extra={"bug": True})
    world.run("normalise")
    quarantined, waiting = (row.id for row in world.rows(tables.delivery))

    assert [
        (Outlook.FAILS, "normalise.other_site"),
        (Outlook.FAILS, "normalise.bug.ZeroDivisionError"),
    ] == outlooks(world, quarantined, waiting)


def test_an_lms_that_says_nothing_leaves_it_open_and_one_that_refuses_does_not(
    world: World,
) -> None:
    world.complete(learner={"email": None})
    world.run("normalise")
    row_id = world.issuance.id
    refusal = Problem(problem="Suspended.", remedy="Reactivate it.", code="suspended")
    denied = Permanent("No token.", remedy="Make one.", code="http_401")

    world.lms.enriching += [DOWN, denied, lambda _batch: [refusal], ZeroDivisionError()]

    assert [
        (Outlook.UNKNOWN, None),
        (Outlook.FAILS, "complete.http_401"),
        (Outlook.FAILS, "complete.suspended"),
        (Outlook.FAILS, "complete.bug.ZeroDivisionError"),
    ] == [outlooks(world, row_id)[0] for _ in range(4)]


def test_two_learners_of_one_address_collide_in_the_preview_and_in_the_replay(
    world: World,
) -> None:
    world.generate("ada")
    for name in ("bob", "eve", "ivy"):
        world.complete(name, learner={"email": None})
    world.run("normalise")
    world.lms.emails |= {"bob": "ada@learners.example", "eve": "x@y.example", "ivy": "x@y.example"}
    ids = selected(world, Selection(cause="complete"))

    assert [Outlook.COLLIDES, Outlook.ISSUED, Outlook.COLLIDES] == [
        each.outlook for each in foreseen(world, *ids)
    ]

    assert (3, 0) == replayed(world, Selection(cause="complete"))
    world.settle()
    assert ["generated", "held", "generated", "held"] == world.states()
    assert {"complete.shared_email.applicant_email"} == {g.cause for g in grouped(world)}


def test_a_certificate_that_cannot_be_printed_is_foreseen(world: World) -> None:
    class Fontless:
        def template(self, name: str) -> str:
            return name

        def render(self, page: Page) -> bytes:
            raise RenderError("No font has it.", remedy="!", code="no_glyph", field="full name")

    fontless: Any = Fontless()
    world.bridge = dataclasses.replace(world.bridge, renderer=fontless)
    world.issue()

    assert [(Outlook.FAILS, "issue.no_glyph.full_name")] == outlooks(world, world.issuance.id)


def test_rows_are_selected_by_site_kind_state_and_time(world: World) -> None:
    world.post(b"no json")
    world.complete("ada", learner={"email": None})
    world.run("normalise")
    noon = world.clock.now()
    world.later(hours=2)
    world.vault.then("upload", answers(422, {"message": "no", "errors": {"details": ["No."]}}))
    world.issue("bob")
    world.generate("eve")
    dead = world.rows(tables.delivery)[0].id
    ada, bob, eve = (row.id for row in world.rows(tables.issuance))

    def ids(**meant: object) -> list[str]:
        return list(selected(world, Selection(**meant)))  # type: ignore[arg-type]

    assert [dead, ada, bob] == ids(site=SITE)
    assert [] == ids(site="signed-main")
    assert [dead] == ids(kind="delivery")
    assert [ada] == ids(state="held")
    assert [eve] == ids(state="generated", kind="issuance")
    assert [bob] == ids(since=noon)
    assert [dead, ada] == ids(until=noon)
    assert [bob] == ids(cause="issue.vault_refused.details", site=SITE)
    with world.bridge.database.read() as conn:
        counted = [
            selection.count_issued(conn, meant, now=world.clock.now())
            for meant in (Selection(site=SITE), Selection(until=noon), Selection(cause="issue"))
        ]
    assert [1, 0, 0] == counted


def test_a_replay_is_kept_with_what_was_meant(world: World) -> None:
    meant = Selection(cause="complete", site=SITE, since=world.clock.now(), until=world.clock.now())
    replay.begin(world.bridge, meant, who="alice", reason="why")

    with world.bridge.database.read() as conn:
        (row,) = replays.recent(conn, limit=5)
    assert meant == selection.unpacked(row["selection"])
    assert ("alice", "why", "current", 0) == (
        row["who"],
        row["reason"],
        row["mapping"],
        row["selected"],
    )
