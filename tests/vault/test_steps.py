"""Bells and steps: each step of a bell has its turn, and a worker of each bell starts."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests.vault.world import World
from vault.steps import BELLS, Run, Step, answer
from vault.store.tables import certificate


def step(told: list[str], name: str, *, more: bool) -> Step:
    """A step that notes its turns."""

    def run() -> bool:
        told.append(name)
        return more

    def build(_vault: object) -> Run:
        return run

    return Step(build=build, table=certificate, where=sa.true())


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True)])
def test_every_step_of_a_bell_has_its_turn(world: World, first: bool, second: bool) -> None:
    told: list[str] = []
    steps = (step(told, "first", more=first), step(told, "second", more=second))
    run = answer(world.vault, "bell", {"bell": steps})

    assert run() is True
    assert ["first", "second"] == told


@pytest.mark.parametrize("bell", BELLS)
def test_a_bell_without_work_is_answered_at_once(world: World, bell: str) -> None:
    assert answer(world.vault, bell)() is False


def test_every_step_can_be_claimed_and_found_quickly() -> None:
    for found in (step for steps in BELLS.values() for step in steps):
        assert {"next_run_at", "lease_owner", "lease_until", "fence"} <= set(found.table.c.keys())
        assert any(
            "next_run_at" == index.columns.values()[0].name for index in found.table.indexes
        ), found.table.name
