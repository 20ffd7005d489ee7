"""Processes that a test starts: always ended, their standard error kept."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@contextlib.contextmanager
def program(module: str, *args: object, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python -m module args``; its output goes to ``log``; killed in the end."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own
            [sys.executable, "-m", module, *map(str, args)],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def is_alive(pid: int) -> bool:
    """Whether a process runs (one that has ended and was not waited for does not)."""
    return _state(pid) not in ("", "Z")


def is_stopped(pid: int) -> bool:
    """Whether a process stands still, as after SIGSTOP."""
    return _state(pid) == "T"


def _state(pid: int) -> str:
    """The letter of a process's state (proc(5)); empty if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return ""
    return stat.rpartition(")")[2].split()[0]


def children_of(pid: int) -> list[int]:
    """The ids of a process's children."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields: list[Any] = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def end(pid: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@contextlib.contextmanager
def no_more_files() -> Iterator[None]:
    """The system opens no file, and so starts no process, for this one meanwhile.

    Threads that serve go on: poll(2) takes no more descriptors than the limit, so it is not 0 but
    the three that every process has open.
    """
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
