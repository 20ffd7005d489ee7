"""A point does nothing, is told, or kills: at its name, at its count."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runtime import crashpoint
from runtime.crashpoint import VARIABLE
from tests.processes import ROOT

PROGRAM = """\
from runtime.crashpoint import crashpoint
for number in range(3):
    crashpoint("step.other")
    crashpoint("step.sent")
    print(number, flush=True)
"""


@pytest.fixture(autouse=True)
def _nobody_watches() -> Iterator[None]:
    yield
    crashpoint.watch(None)


def run(crash: str | None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **({} if crash is None else {VARIABLE: crash})}
    return subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-c", PROGRAM],
        env=env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("crash", "status", "said"),
    [
        (None, 0, "0\n1\n2\n"),
        ("step.sent:1", -signal.SIGKILL, ""),
        ("step.sent:3", -signal.SIGKILL, "0\n1\n"),
        ("step.sent:2:KILL", -signal.SIGKILL, "0\n"),
        ("step.sent:2:TERM", -signal.SIGTERM, "0\n"),
        ("step.sent:4", 0, "0\n1\n2\n"),
        ("step.gone:1", 0, "0\n1\n2\n"),
    ],
)
def test_a_process_dies_at_its_point_and_count(crash: str | None, status: int, said: str) -> None:
    done = run(crash)

    assert (status, said) == (done.returncode, done.stdout)


@pytest.mark.parametrize(
    "text", ["step.sent", "step.sent:0", "step.sent:x", ":1", "STEP:1", "a.b:1:HUP"]
)
def test_what_names_no_point_is_told_before_anything_runs(text: str) -> None:
    done = run(text)

    assert (1, "") == (done.returncode, done.stdout)
    assert f"CRASH_AT: {text!r} is not a point and a count, as in single.sent:1" in done.stderr


def test_a_process_pauses_at_its_point_until_it_is_continued() -> None:
    with subprocess.Popen(  # noqa: S603  # our own
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, VARIABLE: "step.sent:2:STOP"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        _, status = os.waitpid(program.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)

        program.send_signal(signal.SIGCONT)
        said, _ = program.communicate(timeout=60)

    assert (0, "0\n1\n2\n") == (program.returncode, said)


def test_a_watcher_is_told_each_point() -> None:
    told: list[str] = []
    crashpoint.watch(told.append)
    crashpoint.crashpoint("step.sent")
    crashpoint.watch(None)
    crashpoint.crashpoint("step.sent")

    assert ["step.sent"] == told
