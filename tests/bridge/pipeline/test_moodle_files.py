"""Certificates that a whole stand-in Moodle makes, the whole way to the vault and the gradebook."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from campus.functions import customcert
from campus.people import WATER_SAFETY
from connectors.moodle.certificates import ANY, ISSUES
from tests.bridge.pipeline.at_campus import ADA, Campus, campus_of
from tests.bridge.pipeline.test_fetch import FROM_LMS
from tests.bridge.world import World


@pytest.fixture
def campus(world: World) -> Iterator[Campus]:
    """A site whose mapping takes the file of the one custom certificate in a course."""
    world.add_mapping(FROM_LMS)
    with campus_of(world, customcert_name=ANY) as campus:
        yield campus


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every PDF that Moodle makes."""
    kept: list[bytes] = []
    make = customcert.made_anew

    def keep() -> bytes:
        kept.append(make())
        return kept[-1]

    monkeypatch.setattr(customcert, "made_anew", keep)
    return kept


def test_what_moodle_makes_once_the_learner_opens_it_is_issued_once_and_told(
    campus: Campus, made: list[bytes]
) -> None:
    world, activity = campus.world, customcert.add_it(campus.moodle, WATER_SAFETY)
    campus.told(ADA)
    world.settle(hours=24)
    assert ("fetching", "fetch.none_yet") == (world.issuance.state, world.issuance.cause)
    assert campus.calls()[ISSUES] > 1
    assert ({}, []) == (world.vault.created, made)

    customcert.open_it(campus.moodle, activity, ADA)
    world.settle(hours=24)
    campus.look()

    assert 1 == campus.calls()[ISSUES]
    assert ("generated", [world.vault.only.content]) == (world.issuance.state, made)
    assert [1] == list(world.vault.created.values())
    assert f"Issued · {world.issuance.reference_id}" in campus.cell()
    assert ({ADA: 1}, "read_back") == (campus.mails(), world.write_back.state)
