"""Moving to another vault: what was issued stays with its issuer for ever, and is issued once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bridge.certificates.page import Page
from bridge.store import accounts, mapping_versions, tables
from tests.bridge.world import MAPPING, World
from tests.scripted_vault import ScriptedVault

#: On SQLite so many; what many means is the same on PostgreSQL.
ISSUED = {"sqlite": 500, "postgresql": 60}


@pytest.fixture
def vendor(world: World) -> Iterator[ScriptedVault]:
    """Another vault, with an issuer of its own."""
    vault = ScriptedVault(world.clock.now)
    world.add_issuer("vendor", at=vault)
    yield vault
    vault.stop()


class Stamp:
    """Prints every page alike, and at once."""

    def render(self, page: Page) -> bytes:
        return b"%PDF-1.7\n%%EOF\n"

    def template(self, name: str) -> Any:
        return "the only one"

    def made_of(self, page: Page) -> dict[str, Any]:
        return {}

    def valid_until(self, page: Page) -> None:
        return None


def issued(world: World, many: int) -> list[str]:
    stamp: Any = Stamp()
    world.bridge = replace(world.bridge, renderer=stamp)
    people = [f"ada{number:03}" for number in range(many)]
    for who in people:
        world.complete(who, enrolled=many)
    world.settle()
    assert Counter({"generated": many}) == Counter(world.states())
    return people


def tell_all_again(world: World, people: list[str]) -> None:
    """Every webhook once more, and a person who replays every completion."""
    world.clock.moment = world.clock.moment.replace(hour=13)
    for who in people:
        world.post(world.body(who, completed_at="2026-11-23T12:00:00+00:00"))
    for row in world.rows(tables.completion):
        world.replay(row.id)
    world.settle()


def test_with_500_issued_a_mapping_moved_to_another_vault_sends_nothing_again(
    world: World, vendor: ScriptedVault, kind: str
) -> None:
    people = issued(world, ISSUED[kind])
    sent = world.vault.calls.copy()
    world.add_mapping(("issuer: main", "issuer: vendor"))
    tell_all_again(world, people[:50])

    assert not vendor.created
    assert ISSUED[kind] == sum(world.vault.created.values())
    assert {1} == set(world.vault.created.values())
    for call in ("upload", "upload_file", "bulk"):
        assert sent[call] == world.vault.calls[call]
    assert {world.issuer_id} == {row.issuer_id for row in world.rows(tables.issuance)}


def test_a_mapping_of_another_name_for_the_new_vault_sends_nothing_again_either(
    world: World, vendor: ScriptedVault
) -> None:
    people = issued(world, 5)
    with world.bridge.database.write() as conn:
        mapping_versions.deactivate(conn, "course-completion")
        document = MAPPING.replace("course-completion", "for-the-vendor")
        mapping_versions.add(
            conn,
            "for-the-vendor",
            document.replace("issuer: main", "issuer: vendor"),
            now=world.clock.now(),
        )
    tell_all_again(world, people)
    assert not vendor.created

    world.later(hours=24)
    world.complete("zoe")
    world.settle()
    assert 1 == sum(vendor.created.values())
    assert 5 == sum(world.vault.created.values())


def test_the_old_issuer_stays_for_reading_though_it_is_removed(
    world: World, vendor: ScriptedVault
) -> None:
    issued(world, 1)
    with world.bridge.database.write() as conn:
        now = world.clock.now()
        accounts.change(conn, world.issuer_id, kind="issuer", removed_at=now)

    told = world.bridge.vault_for(world.issuance.issuer_id).view(world.issuance.vault_uuid)
    assert told is not None
    assert "generated" == told.status
