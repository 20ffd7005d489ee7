"""The processes of a town: started, started again whenever they end, killed, paused, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runtime.supervisor import die_with
from tests.processes import ROOT

#: As a supervisor does, but sooner: here everything dies often.
AGAIN_S = 0.3
GRACE_S = 15.0


@dataclass(kw_only=True)
class _Member:
    command: Sequence[str]
    env: Mapping[str, str]
    popen: subprocess.Popen[bytes] | None = None
    paused: bool = False
    not_before: float = 0.0
    starts: int = 0


@dataclass
class Fleet:
    """Each process leads a group of its own, with the children that it makes."""

    logs: Path
    _members: dict[str, _Member] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return list(self._members)

    @property
    def starts(self) -> dict[str, int]:
        """How often each process was started."""
        return {name: member.starts for name, member in self._members.items()}

    def add(self, name: str, command: Sequence[str], *, env: Mapping[str, str]) -> None:
        """Start a process; from now on it is kept running by `tend`."""
        self._members[name] = _Member(command=command, env=env)
        self.tend()

    def again(self, name: str, **env: str) -> None:
        """Kill a process with its children and start it anew, with this in its environment, too.

        When it ends it is started without.
        """
        member = self._members[name]
        self.kill(name, alone=False)
        if member.popen is not None:
            member.popen.wait()
        self._start(name, member, **env)

    def pid(self, name: str) -> int:
        """The id of a process that runs."""
        popen = self._members[name].popen
        assert popen is not None, f"{name} does not run"
        return popen.pid

    def wait(self, name: str, *, within: float = GRACE_S) -> int:
        """Wait until a process has ended; return its exit status."""
        popen = self._members[name].popen
        assert popen is not None, f"{name} does not run"
        return popen.wait(timeout=within)

    def remove(self, name: str) -> None:
        """Kill a process with its children, for good."""
        self.kill(name, alone=False)
        popen = self._members.pop(name).popen
        if popen is not None:
            popen.wait()

    def tend(self) -> None:
        """Start again whatever has ended. To be called often."""
        now = time.monotonic()
        for name, member in self._members.items():
            if member.popen is not None and member.popen.poll() is not None:
                member.popen, member.paused = None, False
                member.not_before = now + AGAIN_S
            if member.popen is None and now >= member.not_before:
                self._start(name, member)

    def kill(self, name: str, *, alone: bool) -> bool:
        """kill -9 a process with its children, or ``alone``: they are orphans then."""
        popen = self._members[name].popen
        if popen is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            (os.kill if alone else os.killpg)(popen.pid, signal.SIGKILL)
        return True

    def pause(self, name: str) -> bool:
        """Stop a process and its children where they stand."""
        return self._signal(name, signal.SIGSTOP, paused=True)

    def resume(self, name: str) -> None:
        """Let a paused process go on."""
        self._signal(name, signal.SIGCONT, paused=False)

    def end(self) -> None:
        """End all: asked first, killed after a time."""
        running = [m.popen for m in self._members.values() if m.popen is not None]
        for popen in running:
            for number in (signal.SIGCONT, signal.SIGTERM):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(popen.pid, number)
        deadline = time.monotonic() + GRACE_S
        for popen in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                popen.wait(timeout=max(deadline - time.monotonic(), 0.1))
            with contextlib.suppress(ProcessLookupError):
                os.killpg(popen.pid, signal.SIGKILL)
            popen.wait()

    def _signal(self, name: str, number: signal.Signals, *, paused: bool) -> bool:
        member = self._members[name]
        if member.popen is None or member.paused == paused:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(member.popen.pid, number)
        member.paused = paused
        return True

    def _start(self, name: str, member: _Member, **env: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            member.popen = subprocess.Popen(  # noqa: S603  # our own
                list(member.command),
                env={**member.env, **env},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509  # takes no lock
            )
        member.starts += 1
        member.paused = False
