"""From a delivery to the learner's gradebook row, through real HTTP and a real database."""

from __future__ import annotations

from bridge.store import tables
from tests.bridge.world import World, key


def test_a_delivery_becomes_a_certificate_that_the_gradebook_shows(world: World) -> None:
    world.generate()
    world.run("write_back")

    assert {key(): 1} == world.vault.created
    assert ["generated"] == world.states()
    assert ["read_back"] == world.states(tables.write_back)
    text = world.lms.gradebook["42", "ada"]
    assert f"Issued · {world.vault.only.reference_id}" in text
    assert "https://certs.example.edu/c/" in text
