"""What a check of the doctor's finds in a test's installation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bridge.checks import CHECKS
from bridge.checks.installation import Installation
from runtime.checkup import Finding
from runtime.database import Database
from tests.bridge.world import World

#: Troubles, notes.
Found = tuple[list[str], list[str]]
#: Nothing.
WELL: Found = ([], [])


def found(world: World, check: str, *, database: Database | None = None, **settings: Any) -> Found:
    """What a check finds in the world, some settings put over its own."""
    of = Installation(
        settings=replace(world.bridge.settings, **settings),
        database=database or world.bridge.database,
    )
    told: list[Finding] = list(CHECKS[check](of))
    troubles = [one.text for one in told if one.is_trouble]
    return troubles, [one.text for one in told if not one.is_trouble]


def trouble(world: World, check: str, **changed: Any) -> str:
    """The only trouble a check finds."""
    (text,), notes = found(world, check, **changed)
    assert [] == notes
    return text


def noted(world: World, check: str, **changed: Any) -> str:
    """The only note of a check that finds no trouble."""
    troubles, (text,) = found(world, check, **changed)
    assert [] == troubles
    return text
