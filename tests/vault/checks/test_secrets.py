"""The doctor on keys, and on what is encrypted and signed with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from runtime.keys import new_key
from tests.vault import authority
from tests.vault.checks.finding import ABC, WELL, endpoint, found, trouble
from tests.vault.world import World
from vault import wiring


def test_keys_that_are_missing_open_to_all_or_others(world: World) -> None:
    path = wiring.key_file(world.vault.settings)
    assert WELL == found(world, "keys")

    id = endpoint(world, world.institution(ABC))
    assert WELL == found(world, "keys")
    path.chmod(0o644)
    assert f"{path} is open to other users (mode 0644)." in trouble(world, "keys")
    path.chmod(0o600)
    path.write_text(f"{new_key()}\n")
    assert trouble(world, "keys").endswith(f"certvault webhook rotate {id}")
    path.unlink()
    assert trouble(world, "keys").endswith("Restore the file from its copy.")


@pytest.mark.parametrize(("days", "told"), [(31, []), (29, ["expires on"]), (-1, ["expired on"])])
def test_signing_keys_that_expire(world: World, days: int, told: list[str]) -> None:
    now = datetime.now(UTC)
    year = timedelta(days=365)
    holder = authority.issued(
        ABC, by=authority.intermediate(), since=now - year, until=now + timedelta(days=days)
    )
    world.signing_key(world.institution(ABC), holder, now=now - year / 2)
    troubles, notes = found(world, "signing keys")

    assert [] == notes
    assert len(told) == len(troubles)
    for words, text in zip(told, troubles, strict=True):
        assert text.startswith(f"{ABC}: ")
        assert words in text
        assert "certvault institution signing-key" in text
