"""Certificates that were multiplied are what the first ones are, under names of their own."""

from __future__ import annotations

import sqlalchemy as sa

from benchmarks.growing import GROWING, multiply
from bridge.store import tables
from tests.bridge.world import World


def test_every_certificate_is_there_so_many_times(world: World) -> None:
    world.generate("ada")
    world.generate("grace")
    world.run("write_back")
    before = {table.name: len(world.rows(table)) for table in GROWING}
    multiply(world.bridge.database, 3)

    assert {name: 3 * count for name, count in before.items()} == {
        table.name: len(world.rows(table)) for table in GROWING
    }
    assert all(before.values())


def test_a_copy_belongs_to_copies(world: World) -> None:
    world.generate("ada")
    multiply(world.bridge.database, 2)
    joined = sa.select(tables.issuance.c.learner_id, tables.completion.c.learner_id).join(
        tables.completion
    )
    with world.bridge.database.read() as conn:
        found = sorted(tuple(row) for row in conn.execute(joined))

    assert [("ada", "ada"), ("ada~0001", "ada~0001")] == found
