"""Tallies: each completion counts once, as certified, waiting for a cause, or left alone."""

from __future__ import annotations

from datetime import timedelta

from bridge import queue
from bridge.pipeline.tally_text import reasons, sentence
from bridge.store import last_signs, steps, tallies
from bridge.store.tables import issuance
from bridge.store.tallies import Tally
from tests.bridge.world import SITE, World

EMAIL = "complete.missing.applicant_email"
OF_ONE_COURSE = ('course: "*"', 'course: "42"')
SECOND = (("name: course-completion", "name: second\nkind: honour"), ("Completion:", "Honour:"))


def tally(world: World, *, hours: int = 24) -> Tally:
    since = world.clock.now() - timedelta(hours=hours)
    with world.bridge.database.read() as conn:
        return tallies.by_site(conn, since=since).get(SITE, Tally())


def test_each_completion_counts_once(world: World) -> None:
    world.add_mapping(OF_ONE_COURSE)
    world.generate("ada")
    world.complete("ada", delivery="again")
    world.complete("bob", learner={"email": None})
    world.complete("eve", course={"id": "7"})
    world.run("normalise")
    world.complete("ivy")
    found = tally(world)

    assert (
        Tally(
            certified=1,
            waiting={EMAIL: 1},
            left={"complete.no_mapping": 1},
            oldest=found.oldest,
        )
        == found
    ), "what is not read yet is no completion"
    world.run("normalise")
    found = tally(world)
    assert {EMAIL: 1, tallies.ON_ITS_WAY: 1} == found.waiting
    assert "4 completed, 1 certified, 2 waiting, 1 not to be certified" == sentence(found)
    assert [(1, EMAIL), (1, tallies.ON_ITS_WAY)] == [
        (number, cause) for number, cause, _ in reasons(found.waiting)
    ]


def test_what_two_mappings_certify_waits_until_both_have(world: World) -> None:
    world.add_mapping(*SECOND)
    world.generate("ada")
    assert (1, 1) == ((found := tally(world)).completed, found.certified)

    world.change(issuance, world.rows(issuance)[0].id, state="processing")
    assert Tally(waiting={tallies.ON_ITS_WAY: 1}, oldest=tally(world).oldest) == tally(world)


def test_a_certificate_that_two_courses_share_certifies_both(world: World) -> None:
    world.generate("ada")
    world.complete("ada", course={"id": "43"})
    world.run("normalise")

    assert (2, {}) == ((found := tally(world)).certified, found.waiting)


def test_only_what_was_heard_of_since_then_counts(world: World) -> None:
    world.generate("ada")
    world.later(hours=5)
    world.generate("bob")

    assert (1, 2) == (tally(world, hours=1).completed, tally(world).completed)


def test_several_tallies_make_one() -> None:
    one = Tally(certified=1, waiting={"a": 2}, left={"b": 1})
    other = Tally(certified=2, waiting={"a": 1, "c": 1})

    assert Tally(certified=3, waiting={"a": 3, "c": 1}, left={"b": 1}) == tallies.together(
        [one, other]
    )


def test_what_waits_at_each_step_and_for_each_worker(world: World) -> None:
    world.complete("bob", learner={"email": None})
    world.run("normalise")
    world.complete("ada")
    world.later(minutes=5)
    with world.bridge.database.read() as conn:
        now = world.bridge.database.now(conn)
        waits = queue.waiting(conn, now=now)
        standing = steps.unfinished(conn)

    assert {"normalise": 1, "issue": 0, "follow": 0, "write_back": 0, "reconcile": 0} == {
        bell: one.count for bell, one in waits.items()
    }
    assert timedelta(minutes=5) == timedelta(
        minutes=round((now - (waits["normalise"].since or now)).total_seconds() / 60)
    )
    assert [("deliveries", "waiting", 1), ("issuances", "held", 1)] == [
        (one.step, one.state, one.count) for one in standing
    ]


def test_when_a_site_and_an_issuer_were_heard_of_last(world: World) -> None:
    world.generate("ada")
    world.run("write_back")
    with world.bridge.database.read() as conn:
        (site,) = (row for row in last_signs.sites(conn) if row.name == SITE)
        (issuer,) = last_signs.issuers(conn)
    (issued,) = world.rows(issuance)

    assert issued.generated_at == issuer.last_certificate
    assert site.last_delivery < issuer.last_certificate < site.last_written
    assert None is site.last_unwanted
