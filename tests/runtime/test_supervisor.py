"""The supervisor restarts what dies, stops all together, and leaves no orphan."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from tests.polling import PATIENCE_S, eventually
from tests.processes import end, is_alive, program

#: Notes its number and process id, then does what it is told.
NOTE = 'echo "$NUMBER $$" >> "$0"; '


class Folder:
    """Where supervised processes leave their numbers and ids."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes = path / "notes"

    def shell(self, script: str) -> list[str]:
        return ["sh", "-c", NOTE + script, str(self.notes)]

    def python(self, script: str) -> list[str]:
        words = "f\"{os.environ['NUMBER']} {os.getpid()}\\n\""
        note = f"open({str(self.notes)!r}, 'a').write({words})"
        return [sys.executable, "-c", f"import os, signal\n{script}\n{note}\nsignal.pause()"]

    def run(self, *commands: list[str], **options: Any) -> AbstractContextManager[Popen[bytes]]:
        return program(
            "tests.runtime.programs.supervised",
            json.dumps(options),
            *map(json.dumps, commands),
            log=self.path / "log",
        )

    def started(self, *, at_least: int) -> list[tuple[str, int]]:
        def found() -> list[tuple[str, int]]:
            text = self.notes.read_text() if self.notes.exists() else ""
            return [(n, int(pid)) for n, pid in map(str.split, text.splitlines())]

        eventually(lambda: len(found()) >= at_least)
        return found()

    def waits(self) -> list[float]:
        lines = [json.loads(line) for line in (self.path / "log").read_text().splitlines()]
        return [line["again_in_s"] for line in lines if line["event"] == "process_died"]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    folder = Folder(tmp_path)
    yield folder
    if folder.notes.exists():
        for _, pid in folder.started(at_least=0):
            end(pid, signal.SIGKILL)


def test_what_dies_is_restarted_after_growing_waits(folder: Folder) -> None:
    with folder.run(folder.shell("exit 3"), folder.shell("exec sleep 1000")):
        started = folder.started(at_least=5)

    assert ["0"] * 4 + ["1"] == sorted(number for number, _ in started)
    assert [0.2, 0.4, 0.8] == folder.waits()[:3]


def test_a_process_that_had_been_healthy_is_restarted_promptly(folder: Folder) -> None:
    with folder.run(folder.shell("exit 3"), healthy=0):
        folder.started(at_least=4)

    assert [0.2, 0.2, 0.2] == folder.waits()[:3]


def test_a_killed_process_is_replaced_and_the_other_left_alone(folder: Folder) -> None:
    commands = [folder.shell("exec sleep 1000"), folder.shell("exec sleep 1000")]
    with folder.run(*commands):
        first = dict(folder.started(at_least=2))
        os.kill(first["0"], signal.SIGKILL)
        number, pid = folder.started(at_least=3)[2]

        assert "0" == number
        assert pid != first["0"]
        assert is_alive(first["1"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_stops_all_and_ends_well(folder: Folder, number: int) -> None:
    with folder.run(*[folder.shell("exec sleep 1000")] * 3) as supervisor:
        started = folder.started(at_least=3)
        supervisor.send_signal(number)

        assert 0 == supervisor.wait(timeout=PATIENCE_S)
    assert [] == [pid for _, pid in started if is_alive(pid)]


def test_it_can_be_stopped_from_within(folder: Folder) -> None:
    until = folder.path / "until"
    with folder.run(folder.shell("exec sleep 1000"), until=str(until)) as supervisor:
        started = folder.started(at_least=1)
        until.touch()

        assert 0 == supervisor.wait(timeout=PATIENCE_S)
    assert [] == [pid for _, pid in started if is_alive(pid)]


def test_what_ignores_sigterm_is_killed_after_the_grace(folder: Folder) -> None:
    deaf = folder.python("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    with folder.run(deaf, folder.shell("exec sleep 1000"), grace=0.3) as supervisor:
        started = folder.started(at_least=2)
        supervisor.terminate()

        assert 0 == supervisor.wait(timeout=PATIENCE_S)
    assert [] == [pid for _, pid in started if is_alive(pid)]


def test_what_needs_a_moment_to_stop_is_given_it(folder: Folder) -> None:
    script = f"trap 'touch \"{folder.path}/tidied\"; exit' TERM; while :; do sleep 0.05; done"
    with folder.run(folder.shell(script)) as supervisor:
        folder.started(at_least=1)
        supervisor.terminate()
        supervisor.wait(timeout=PATIENCE_S)

    assert (folder.path / "tidied").exists()


def test_when_the_supervisor_is_killed_all_it_started_stops(folder: Folder) -> None:
    with folder.run(*[folder.shell("exec sleep 1000")] * 2) as supervisor:
        started = folder.started(at_least=2)
        supervisor.kill()
        supervisor.wait()

    eventually(lambda: not any(is_alive(pid) for _, pid in started))


def test_a_command_that_does_not_exist_ends_everything_loudly(folder: Folder) -> None:
    with folder.run(folder.shell("exec sleep 1000"), ["/nowhere/program"]) as supervisor:
        assert 1 == supervisor.wait(timeout=PATIENCE_S)

    assert "/nowhere/program" in (folder.path / "log").read_text()
    assert [] == [pid for _, pid in folder.started(at_least=0) if is_alive(pid)]
