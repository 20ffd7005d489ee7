"""How many commits a certificate costs: on SQLite each waits for the disk, one after the other."""

from __future__ import annotations

import pytest

from tests.bridge.commits import commits_of
from tests.bridge.world import World

BURST = 200
#: Two hundred commits a second are then 250 certificates, more than a machine makes.
MOST_EACH = 0.8


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_burst_is_committed_by_the_batch_at_every_step(world: World) -> None:
    for number in range(BURST):
        world.complete(f"learner{number}", enrolled=BURST)
    spent = {}
    for step in ("normalise", "issue", "follow", "write_back"):
        with commits_of(world.bridge.database) as commits:
            world.run(step)
        spent[step] = commits.count
        world.vault.finish()
        world.later()

    assert ["generated"] * BURST == world.states()
    assert BURST == len(world.lms.gradebook)
    assert all(0 < count <= 0.35 * BURST for count in spent.values()), spent
    assert sum(spent.values()) <= MOST_EACH * BURST, spent
