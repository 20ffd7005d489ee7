"""Scenarios 12 to 15, 17 and 19: what a vault, and the way to it, can do to a certificate."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.pipeline.replay import resume_issuer
from bridge.store import tables
from tests.bridge.world import TITLE, World, key
from tests.faults.proxy import DropReply
from tests.faults.scenarios.house import House
from tests.scripted_vault import (
    PERMISSIONS,
    TOKEN,
    Behaviour,
    Taken,
    answers,
    cut,
    late,
    lost_reply,
    normal,
)

MANY = [f"ada{number:02}" for number in range(50)]
FEW = MANY[:5]


def complete_all(world: World, people: list[str]) -> None:
    for who in people:
        world.complete(who, enrolled=len(people))
    world.run("normalise", "issue")


def each_once(world: World, people: list[str]) -> None:
    """Every one has one certificate, and the gradebook says so."""
    assert {key(who): 1 for who in people} == world.vault.created
    assert ["generated"] * len(people) == world.states()
    assert ["read_back"] * len(people) == world.states(tables.write_back)


def test_12_the_vault_accepts_and_the_reply_is_dropped(here: House) -> None:
    [told] = here.complete()
    before = here.vault.calls["upload"]
    here.links["vault"].behave(DropReply, on=b"POST /business/certificate-vault", times=1)
    here.deliver(told)

    here.all_is_well([told])
    assert before + 1 == here.vault.calls["upload"], "found and adopted, never sent again"


def test_13_the_vault_works_on_a_request_a_minute_late_and_looks_for_duplicates_too_early(
    world: World,
) -> None:
    world.vault.atomic = False
    world.vault.then("upload", late)
    world.issue()
    world.later(seconds=60)
    world.run("issue")
    world.vault.catch_up()
    world.settle()

    assert 1 == world.vault.calls["upload"]
    each_once(world, ["ada"])


def test_14_a_duplicate_that_somebody_else_uploaded_is_held_and_the_gradebook_says_nothing(
    world: World,
) -> None:
    foreign = world.vault.put(
        title=TITLE, name="Ada Lovelace", email="ada@learners.example", issue_date="2026-11-23"
    )
    world.later()
    world.issue()
    world.settle()

    assert ("held", None) == (world.issuance.state, world.issuance.vault_uuid)
    assert foreign.reference_id in world.issuance.problem
    assert {key(): 1} == world.vault.created
    assert ([], []) == (world.rows(tables.write_back), world.lms.writes)


@pytest.mark.parametrize("answer", [lost_reply, normal])
def test_15_a_bulk_uploads_answer_is_lost_or_not_and_three_of_its_fifty_entries_are_dropped(
    world: World, answer: Behaviour
) -> None:
    world.vault.checks_bulk = False
    world.vault.drops = {key(who)[0] for who in MANY[:3]}
    world.vault.then("bulk", answer)
    complete_all(world, MANY)
    world.settle()

    assert (1, 3) == (world.vault.calls["bulk"], world.vault.calls["upload"])
    each_once(world, MANY)


def stormy() -> Callable[[Taken], Behaviour]:
    """Of calls that change something two of three are refused, in all the ways there are."""
    dice = random.Random(17)  # noqa: S311  # not for secrets
    page = "<html>Service Unavailable</html>"
    ill = [answers(500, {"message": "Server Error"}), answers(503, page)]
    busy = [answers(429, headers={"Retry-After": "60"}), answers(429)]
    return lambda _taken: dice.choice([*ill, *busy, normal, normal])


def test_17_a_storm_of_refusals_ends_by_itself_in_one_certificate_each(world: World) -> None:
    world.vault.usual = stormy()
    complete_all(world, FEW)
    world.settle(hours=3)
    world.vault.usual = lambda _taken: normal
    world.settle(hours=72)

    each_once(world, FEW)


def test_17_while_the_vault_asks_to_be_left_alone_nobody_calls_it(world: World) -> None:
    busy = answers(429, headers={"Retry-After": "600"})
    world.vault.usual = lambda _taken: busy
    complete_all(world, FEW)
    called = sum(world.vault.calls.values())
    world.later(seconds=590)
    world.bridge = replace(world.bridge, owner="another-worker")
    world.run("issue", "follow")

    assert called == sum(world.vault.calls.values())
    world.vault.usual = lambda _taken: normal
    world.settle()
    each_once(world, FEW)


def test_17_an_outage_of_three_days_is_drained_without_anybody(world: World) -> None:
    patient = replace(world.bridge.settings, retry_longest=timedelta(hours=4))
    world.bridge = replace(world.bridge, settings=patient)
    world.vault.stop()
    complete_all(world, FEW)
    world.settle(hours=72)
    assert ({}, {"sending"}) == (world.vault.created, set(world.states()))

    world.vault.start()
    world.settle()
    each_once(world, FEW)


def test_17_a_revoked_token_stops_the_sending_until_there_is_another(world: World) -> None:
    world.vault.tokens.clear()
    complete_all(world, FEW)
    world.settle(hours=72)
    assert ({"ready"}, {}) == (set(world.states()), world.vault.created)
    assert "vaultbridge issuer rotate" in world.issuer.remedy

    world.vault.tokens[TOKEN] = PERMISSIONS
    resume_issuer(world.bridge, world.issuer_id, who="alice")
    world.settle()
    each_once(world, FEW)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (lost_reply, "ambiguous"),
        (answers(400, {"message": "not failed"}, does_it=True), "refused"),
        (answers(500, "<html>", does_it=True), "ambiguous"),
    ],
)
def test_19_whatever_becomes_of_a_retrys_answer_it_is_followed_and_nothing_is_made_anew(
    world: World, behaviour: Behaviour, outcome: str
) -> None:
    world.vault.outcomes.append("failed")
    world.vault.then("retry", behaviour)
    world.issue()
    world.later(seconds=10)
    world.settle()

    assert [("upload", "done"), ("retry", outcome)] == world.attempts()
    each_once(world, ["ada"])


def test_19_a_retry_sent_again_meets_not_failed_and_the_certificate_is_followed_all_the_same(
    world: World,
) -> None:
    def by_now(taken: Taken) -> object:
        world.vault.only.status = "processing"
        return normal(taken)

    world.vault.outcomes.append("failed")
    world.vault.then("retry", cut, by_now)  # type: ignore[arg-type]
    world.issue()
    world.settle()

    assert [("upload", "done"), ("retry", "ambiguous"), ("retry", "refused")] == world.attempts()
    each_once(world, ["ada"])
