"""What a check of the doctor's finds in a test's vault."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runtime.checkup import Finding
from tests.vault.world import World
from vault import wiring
from vault.checks import CHECKS
from vault.checks.installation import Installation
from vault.store import endpoints
from vault.webhooks.signing import new_secret

#: Troubles, notes.
Found = tuple[list[str], list[str]]
#: Nothing.
WELL: Found = ([], [])
#: The institution that checks are about.
ABC = "ABC University"


def found(world: World, check: str, **settings: Any) -> Found:
    """What a check finds in the world's vault, some settings put over its own."""
    vault = world.vault
    of = Installation(settings=replace(vault.settings, **settings), database=vault.database)
    told: list[Finding] = list(CHECKS[check](of))
    troubles = [one.text for one in told if one.is_trouble]
    return troubles, [one.text for one in told if not one.is_trouble]


def trouble(world: World, check: str, **settings: Any) -> str:
    """The only trouble a check finds."""
    (text,), notes = found(world, check, **settings)
    assert [] == notes
    return text


def noted(world: World, check: str, **settings: Any) -> str:
    """The only note of a check that finds no trouble."""
    troubles, (text,) = found(world, check, **settings)
    assert [] == troubles
    return text


def endpoint(world: World, institution_id: int) -> int:
    with world.vault.database.write() as conn:
        return endpoints.add(
            conn,
            wiring.keys(world.vault.settings, create=True),
            institution_id=institution_id,
            url="https://abc.example.edu/",
            events=frozenset(),
            secrets=[new_secret()],
            description=None,
            now=world.vault.database.now(conn),
        )
