"""What waits for a decision, in the console: all or some released or discarded, within limits."""

from __future__ import annotations

import pytest

from bridge.people.roles import Limits, Role
from bridge.store import tables
from bridge.store.states import MappingState
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import SECOND, SITE, World


@pytest.fixture
def kind() -> str:
    """The pages are the same on either database."""
    return "sqlite"


@pytest.fixture
def rehearsed(world: World) -> str:
    """Ada and Bob wait at one site, Cat at another; their hold's id."""
    world.add_site(SECOND, "scripted")
    world.add_mapping(("of Completion", "of Attendance"), state=MappingState.REHEARSAL)
    world.complete("ada")
    world.complete("bob")
    world.post(world.body("cat"), path=f"/hooks/scripted/{SECOND}")
    world.run("normalise")
    return str(world.one(tables.hold).id)


def states(world: World) -> dict[str, str]:
    return {row.learner_id: row.state for row in world.rows(tables.issuance)}


def ids(world: World) -> dict[str, str]:
    return {row.learner_id: row.id for row in world.rows(tables.issuance)}


def test_some_are_released_and_the_rest_discarded_with_a_reason(
    world: World, signed_in: SignedIn, rehearsed: str
) -> None:
    support = signed_in(Role.SUPPORT)
    path = f"/holds/{rehearsed}"

    none = support.post(path, act="release chosen")
    no_reason = support.post(path, act="discard all")
    some = support.post(path, act="release chosen", id=[ids(world)["ada"]])
    rest = support.post(path, act="discard all", reason="not theirs")
    again = support.post(path, act="release all")

    assert ["Choose some first" in none.text, "Say why" in no_reason.text] == [True, True]
    codes = [each.status_code for each in (none, no_reason, some, rest, again)]
    assert [422, 422, 303, 303, 409] == codes
    assert {"ada": "ready", "bob": "cancelled", "cat": "cancelled"} == states(world)
    said = [e for e in world.rows(tables.event) if e.subject == ids(world)["bob"]]
    assert ("discarded", "support-0@staff.example") == (said[-1].what, said[-1].who)
    assert "not theirs" in said[-1].detail
    assert "Attendance" not in support.text(path)
    assert rehearsed not in support.text("/holds")
    assert rehearsed in support.text("/holds?all=1")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_who_is_limited_decides_about_their_own_alone(
    world: World, signed_in: SignedIn, rehearsed: str
) -> None:
    support = signed_in(Role.SUPPORT, Limits(sites=frozenset({SITE})))
    text = support.text(f"/holds/{rehearsed}")

    assert (True, False) == ("Ada" in text, "Cat" in text)
    support.post(f"/holds/{rehearsed}", act="release chosen", id=[ids(world)["cat"]])
    support.post(f"/holds/{rehearsed}", act="release all")
    assert {"ada": "ready", "bob": "ready", "cat": "held"} == states(world)
    assert 404 == support.get(f"/holds/{rehearsed}").status_code


def test_a_viewer_sees_what_waits_and_decides_nothing(
    world: World, signed_in: SignedIn, rehearsed: str
) -> None:
    text = signed_in().text(f"/holds/{rehearsed}")

    assert "Ada Lovelace" in text
    assert 'name="act"' not in text
