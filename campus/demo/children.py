"""Child processes that end with the demo, however it ends."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

#: prctl(2): the signal a process gets when its parent dies, even by kill -9.
PR_SET_PDEATHSIG = 1
#: What ends the demo from outside.
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
STOP_GRACE_S = 20.0
TICK_S = 0.1
HOST = "127.0.0.1"
PORTS_TRIED = 500


class Failed(Exception):
    """The demo cannot go on; the text says what happened, where, and what to do next."""


class Child:
    """A long-running process in a group of its own, its output kept in files."""

    @classmethod
    def started(
        cls,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        folder: Path,
        stack: contextlib.ExitStack,
    ) -> Child:
        """Start a process that the stack will end, and return it."""
        # No signal may come between the start and the promise to end it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
        try:
            child = cls(name, command, env=env, folder=folder)
            stack.callback(child.stop)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return child

    def __init__(
        self, name: str, command: Sequence[str], *, env: Mapping[str, str], folder: Path
    ) -> None:
        """Start it; what it prints goes to ``<name>.out`` and ``<name>.log`` in the folder."""
        self.name = name
        self.out, self.log = folder / f"{name}.out", folder / f"{name}.log"
        with self.out.open("wb") as out, self.log.open("wb") as log:
            self._popen = subprocess.Popen(  # noqa: S603  # our own programs
                list(command),
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # this process has no threads
            )

    def ready(self, *, within: float, meanwhile: Callable[[], None]) -> dict[str, Any]:
        """Wait for the JSON line in which it says that it is ready, and return it.

        Raises Failed if it ends first, or says nothing within so many seconds.
        """
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if (line := self._ready_line()) is not None:
                return line
            self.require_alive()
            meanwhile()
            time.sleep(TICK_S)
        raise Failed(f"{self.name} was not ready within {within:.0f} s.\n{self._last_words()}")

    def require_alive(self) -> None:
        """Raise Failed if the process has ended."""
        if (code := self._popen.poll()) is not None:
            raise Failed(f"{self.name} ended with status {code}.\n{self._last_words()}")

    def stop(self) -> None:
        """End it and everything in its group: asked first, killed after a time."""
        self._popen.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(timeout=STOP_GRACE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()

    def _ready_line(self) -> dict[str, Any] | None:
        for line in self.out.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):
                told: dict[str, Any] = json.loads(line)
                if told.get("ready"):
                    return told
        return None

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(["The last lines it logged:", *(f"  {line}" for line in lines[-15:])])


class HeldPort:
    """A free port that nobody else can take until it is let go."""

    def __init__(self, first: int) -> None:
        """Take the first free port from this number on. Raises Failed if none is."""
        for port in range(first, min(first + PORTS_TRIED, 65536)):
            try:
                # Listening, because a port that is only bound can be bound once more.
                self._socket = socket.create_server((HOST, port))
            except OSError:
                continue
            self.port = port
            return
        raise Failed(f"No port from {first} on is free. Give another: --port.")

    def let_go(self) -> int:
        """Free the port for the one who shall have it, and return it."""
        self._socket.close()
        return self.port


def _die_with_parent() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
