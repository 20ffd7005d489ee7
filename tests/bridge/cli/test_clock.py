"""``vaultbridge clock``: what it does besides ringing, as a process of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bridge.store import tables
from tests.bridge.world import World
from tests.polling import eventually
from tests.processes import program


def test_it_has_what_is_held_for_missing_data_looked_up_again(
    world: World, environment: dict[str, str], tmp_path: Path
) -> None:
    world.complete(learner={"full_name": None})
    world.run("normalise")
    # The clock goes by the one on the wall: it was held, and night has been since.
    ago = datetime.now(UTC) - timedelta(days=2)
    world.change(tables.issuance, world.issuance.id, failing_since=ago)
    world.change(tables.completion, world.completion.id, created_at=ago)

    with program("bridge.cli", "clock", log=tmp_path / "clock.log"):
        due = eventually(lambda: world.completion.next_run_at, every=0.2)

    assert due > ago
