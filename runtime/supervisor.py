"""Keep a set of processes running: start, restart whatever dies, stop all together."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import FrameType

import structlog

#: prctl(2): the signal a process gets when its parent dies, however it dies.
PR_SET_PDEATHSIG = 1
STOP_GRACE_S = 15.0
FIRST_RESTART_S = 0.2
LONGEST_RESTART_S = 10.0
#: A process that ran this long was healthy; its next restart is prompt again.
HEALTHY_S = 30.0
TICK_S = 0.1

log = structlog.get_logger()

_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(slots=True, kw_only=True)
class _Child:
    process: Process
    popen: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    wait: float = FIRST_RESTART_S
    start_at: float = 0.0


class Supervisor:
    """Runs processes until told to stop by SIGTERM, SIGINT or `stop`.

    ``grace`` is how many seconds they have to stop by themselves; then they are killed.
    """

    def __init__(self, processes: Sequence[Process], *, grace: float = STOP_GRACE_S) -> None:
        self._children = [_Child(process=process) for process in processes]
        self._grace = grace
        self._stopping = False

    def run(self, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Start all, keep them alive, return when all are stopped.

        ``meanwhile`` is called about ten times a second.
        """
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._told_to_stop)
        try:
            while not self._stopping:
                for child in self._children:
                    self._tend(child)
                meanwhile()
                time.sleep(TICK_S)
        finally:
            self._stop_all()

    def stop(self) -> None:
        """Make `run` stop everything and return."""
        self._stopping = True

    def _told_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def _tend(self, child: _Child) -> None:
        now = time.monotonic()
        if child.popen is None:
            if now >= child.start_at:
                self._start(child)
        elif (code := child.popen.poll()) is not None:
            if now - child.started > HEALTHY_S:
                child.wait = FIRST_RESTART_S
            log.warning("process_died", name=child.process.name, code=code, again_in_s=child.wait)
            child.popen, child.start_at = None, now + child.wait
            child.wait = min(child.wait * 2, LONGEST_RESTART_S)

    def _start(self, child: _Child) -> None:
        child.started = time.monotonic()
        child.popen = subprocess.Popen(  # noqa: S603  # our own commands
            list(child.process.command),
            env={**os.environ, **child.process.env},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            preexec_fn=partial(die_with, os.getpid()),  # noqa: PLW1509  # takes no lock
        )
        log.info("process_started", name=child.process.name, pid=child.popen.pid)

    def _stop_all(self) -> None:
        running = [child.popen for child in self._children if child.popen is not None]
        for popen in running:
            if popen.poll() is None:
                popen.terminate()
        deadline = time.monotonic() + self._grace
        for popen in running:
            try:
                popen.wait(timeout=max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()


def die_with(parent: int) -> None:
    """Have this process get SIGTERM when its parent, with the id ``parent``, dies (on Linux).

    For a process that has just been forked: it forgets its parent's handler of SIGTERM.
    """
    if sys.platform == "linux":
        # Until it sets one of its own, the parent's would swallow the signal.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it has died already
            os.kill(os.getpid(), signal.SIGTERM)
