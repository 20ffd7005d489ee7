"""Several mappings, each of a kind of its own, issue for one completion."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.pipeline import preview
from bridge.pipeline.outlook import Outlook
from bridge.store import tables
from tests.bridge.world import MAPPING, NOON, TITLE, World

TITLES = ["Nursing Programme", TITLE]
NAMED = ("name: course-completion", "name: programme\nkind: programme")
TITLED = ("Certificate of Completion: {{ course.title }}", "Nursing Programme")


@pytest.fixture
def two(world: World) -> World:
    """A world in which a programme's certificate is issued beside the course's."""
    assert NAMED[0] in MAPPING
    world.add_mapping(NAMED, TITLED)
    return world


def titles(world: World, state: str = "generated") -> list[str]:
    rows = [row for row in world.rows(tables.issuance) if row.state == state]
    return sorted((row.certificate_title for row in rows), reverse=True)


def test_one_completion_yields_a_certificate_of_each_kind_and_both_are_told(two: World) -> None:
    two.complete()
    two.settle()

    assert ["mapped"] == two.states(tables.completion)
    assert sorted(TITLES, reverse=True) == titles(two)
    assert [1, 1] == list(two.vault.created.values())
    told = two.lms.gradebook["42", "ada"]
    assert all(row.reference_id in told for row in two.rows(tables.issuance))


def test_an_event_fired_again_issues_neither_again(two: World) -> None:
    two.complete()
    two.settle()
    two.complete()
    two.settle()
    two.replay(two.rows(tables.completion)[0].id)
    two.settle()

    assert [1, 1] == list(two.vault.created.values())


def test_one_that_is_held_keeps_the_other_from_nothing_and_goes_on_by_itself(two: World) -> None:
    two.add_mapping(NAMED, TITLED, ("issuer: main", "issuer: second"))
    two.complete()
    two.settle()

    held = two.completion
    assert ("held", "complete.no_issuer") == (held.state, held.cause)
    assert [TITLE] == titles(two)
    two.add_issuer("second")
    assert two.replay(held.id).going
    two.settle()
    assert ("mapped", None) == (two.completion.state, two.completion.cause)
    assert sorted(TITLES, reverse=True) == titles(two)


def test_again_never_remembers_what_was_issued_beside_one_that_was_held(two: World) -> None:
    two.add_mapping(NAMED, TITLED, ("issuer: main", "issuer: second"))
    two.complete()
    two.settle()
    two.clock.moment = NOON + timedelta(days=400)
    two.complete()
    two.settle()

    assert ["held", "held"] == two.states(tables.completion)
    assert [TITLE] == titles(two)


def test_two_kinds_with_one_title_are_one_certificate_and_a_visible_item(two: World) -> None:
    two.add_mapping(NAMED)
    two.complete()
    two.settle()

    held = two.completion
    assert ("held", "complete.same_twice") == (held.state, held.cause)
    assert "course-completion and programme" in held.problem
    assert [TITLE] == titles(two)
    two.add_mapping(NAMED, TITLED)
    two.replay(held.id)
    two.settle()
    assert (["mapped"], sorted(TITLES, reverse=True)) == (
        two.states(tables.completion),
        titles(two),
    )


def test_a_preview_counts_each_certificate(two: World) -> None:
    two.add_mapping(NAMED, TITLED, ("issuer: main", "issuer: second"))
    two.complete()
    two.run("normalise")
    two.add_issuer("second")

    (told,) = preview.foresee(two.bridge, [two.completion.id], mapping="current")

    assert Outlook.ISSUED == told.outlook
    assert "2 certificates: 1 would be issued, 1 changes nothing." in told.said
