"""A worker and a clock that die at each of their points: the next one does the work."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from runtime.bell import Bell
from runtime.crashpoint import VARIABLE
from tests.faults.points import RUNTIME
from tests.polling import PATIENCE_S, eventually
from tests.processes import program

#: What a worker's step has done when it dies, and when its successor is through.
WORKER = {
    "worker.dequeued": ("once", [], ["once"]),
    "worker.woken": ("once", [], ["once"]),
    # It was done, and RQ never heard: once more is nothing, as nothing is due.
    "worker.worked": ("once", ["once"], ["once", "once"]),
    "worker.ringing": ("sliced", ["more"], ["more"] * 3),
}
CLOCK = {"clock.looked": [], "clock.rung": ["issue"]}


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("point", WORKER)
def test_a_successor_does_what_a_dead_worker_left(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    step, before, after = WORKER[point]

    def worker() -> AbstractContextManager[subprocess.Popen[bytes]]:
        arguments = (redis_url, step, tmp_path)
        return program("tests.runtime.programs.worker", *arguments, log=tmp_path / "log")

    monkeypatch.setenv(VARIABLE, f"{point}:1")
    ring: Callable[[str], None] = Bell(redis_url, service="test").ring
    ring(step)
    with worker() as dying:
        assert -signal.SIGKILL == dying.wait(timeout=PATIENCE_S)
    assert before == lines(tmp_path / "notes")

    monkeypatch.delenv(VARIABLE)
    with worker():
        ring(step)  # as the clock does, until nothing is due
        eventually(lambda: lines(tmp_path / "notes") == after)


@pytest.mark.parametrize("point", CLOCK)
def test_the_next_clock_rings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    monkeypatch.setenv(VARIABLE, f"{point}:1")
    rung = tmp_path / "rung"
    with program("tests.runtime.programs.clock", rung, log=tmp_path / "log") as dying:
        assert -signal.SIGKILL == dying.wait(timeout=PATIENCE_S)
    assert CLOCK[point] == lines(rung)

    monkeypatch.delenv(VARIABLE)
    with program("tests.runtime.programs.clock", rung, log=tmp_path / "log"):
        eventually(lambda: len(lines(rung)) > len(CLOCK[point]))


def test_every_point_of_a_process_has_its_test() -> None:
    assert set(RUNTIME) == WORKER.keys() | CLOCK.keys()
