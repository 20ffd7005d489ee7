"""Two people replay the same failures at once, by processes of their own: each is issued once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.store import tables
from tests.bridge.institution import KEY
from tests.bridge.world import World
from tests.polling import eventually
from tests.processes import program

LEARNERS = 12
CAUSE = "complete.missing.full_name"


@pytest.fixture
def replaying(
    tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start a replay by somebody, on the test's database."""
    (tmp_path / "secret.key").write_text(KEY + "\n")
    monkeypatch.setenv("BRIDGE_DATABASE_URL", migrated_url)
    monkeypatch.setenv("BRIDGE_REDIS_URL", f"unix://{tmp_path / 'no-redis.sock'}")
    monkeypatch.setenv("BRIDGE_KEY_FILE", str(tmp_path / "secret.key"))
    monkeypatch.setenv("BRIDGE_PUBLIC_URL", "https://certs.example.edu")
    with ExitStack() as started:

        def start(who: str) -> subprocess.Popen[bytes]:
            command = ["replay", "--cause", CAUSE, "--as", who]
            log = tmp_path / f"{who}.log"
            return started.enter_context(program("bridge.cli", *command, log=log))

        yield start


def test_two_processes_replay_the_same_failures_and_each_is_issued_once(
    world: World, replaying: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    # Commands go by the machine's clock, and what a replay means has failed by then.
    world.clock.moment = datetime.now(UTC) - timedelta(hours=1)
    world.add_mapping(("{{ learner.full_name }}", "{{ learner.custom.nickname }}"))
    for number in range(LEARNERS):
        world.complete(f"ada{number}")
    world.run("normalise")
    world.add_mapping()

    both = [replaying(who) for who in ("alice", "bob")]

    def over() -> bool:
        world.clock.moment = max(world.clock.now(), datetime.now(UTC))
        world.run("normalise", "issue")  # while they are at it
        return all(process.poll() is not None for process in both)

    eventually(over, within=60)
    world.clock.moment = max(world.clock.now(), datetime.now(UTC))
    world.settle()

    said = [(tmp_path / f"{who}.log").read_text() for who in ("alice", "bob")]
    assert [0, 0] == [process.returncode for process in both], said
    assert ["generated"] * LEARNERS == world.states()
    assert (LEARNERS, {1}) == (len(world.vault.created), set(world.vault.created.values()))
    replays = world.rows(tables.replay)
    assert [("alice", "done"), ("bob", "done")] == sorted((row.who, row.state) for row in replays)
    assert LEARNERS <= sum(row.going for row in replays), "each was set going by one at least"
