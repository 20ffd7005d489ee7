"""Work that may hang, crash or eat memory, in a child process: kept warm, killed when too slow.

GaveUp         the work was not done; the next is done by a new child
 ├─ TooSlow    it did not end within its limit
 ├─ TooLarge   it needed more memory than a child may have
 └─ Died       two children in a row ended without an answer (one alone may have been ended by the
               machine, for its memory or by mistake)

The other side is runtime.child_process. What a child says is never unpickled, since what it works
on may have taken it over; and it is told no secret of our environment.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from runtime.child_process import TOO_LARGE, Head, Message, receive, send

#: How long a child may take to import what it needs, on a cold disk.
_START = timedelta(seconds=60)
_PASSED_ON = ("HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR", "XDG_DATA_HOME")
#: No answer is larger; a child that claims so is out of its mind.
_LARGEST = 256 << 20


class GaveUp(Exception):
    """The work was not done; trying the same again is of no use."""


class TooSlow(GaveUp):
    """The child was killed after its limit."""


class TooLarge(GaveUp):
    """The work needs more memory than a child may have."""


class Died(GaveUp):
    """The child ended without an answer."""


class NotStarted(Exception):
    """The child cannot be started: the text says why, or its error output does."""


class Busy(Exception):
    """No child was free in time: come again."""


@dataclass(slots=True, kw_only=True)
class _Running:
    """One started child."""

    process: subprocess.Popen[bytes]
    connection: Connection
    greeting: Head
    owner: int  #: process id of the one that started it

    def alive(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(self, head: Head, body: bytes, limit: timedelta) -> Message:
        try:
            send(self.connection, (head, body))
            if not self.connection.poll(limit.total_seconds()):
                raise TooSlow
            return receive(self.connection, most=_LARGEST)
        except (EOFError, OSError, ValueError) as error:
            raise Died from error

    def end(self) -> None:
        self.connection.close()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()


class Child:
    """One child, started when first asked. Safe from several threads, which wait for each other.

    ``program`` is a module with a main that calls runtime.child_process.serve; ``arguments`` is
    called when a child is started; ``limit`` is for one request. A process forked from this one
    starts its own.
    """

    def __init__(
        self,
        program: str,
        *,
        limit: timedelta,
        arguments: Callable[[], Sequence[str]] = tuple,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._program = program
        self._limit = limit
        self._arguments = arguments
        self._environment = environment or {}
        self._running: _Running | None = None
        self._lock = threading.Lock()

    @property
    def process_id(self) -> int | None:
        """The id of the running child; None while there is none."""
        running = self._running
        return running.process.pid if running is not None else None

    def greeting(self) -> Head:
        """What the child said when it was ready; another object once another is started.

        Raises NotStarted.
        """
        running = self._running
        # Who only asks this must not wait until the work at hand is done.
        if running is not None and running.alive():
            return running.greeting
        with self._lock:
            return self._started().greeting

    def ask(self, head: Head, body: bytes = b"") -> Message:
        """Return the child's answer. Raises GaveUp, NotStarted."""
        with self._lock:
            try:
                return self._ask(head, body)
            except Died:
                return self._ask(head, body)

    def close(self) -> None:
        """End the child, if there is one. It is started again when asked again."""
        with self._lock:
            self._end()

    def _ask(self, head: Head, body: bytes) -> Message:
        try:
            answer = self._started().ask(head, body, self._limit)
        except GaveUp:
            self._end()
            raise
        if answer[0] == TOO_LARGE:
            self._end()
            raise TooLarge
        return answer

    def _started(self) -> _Running:
        if self._running is None or not self._running.alive():
            self._end()
            self._running = self._start()
        return self._running

    def _end(self) -> None:
        if self._running is not None:
            self._running.end()
            self._running = None

    def _start(self) -> _Running:
        try:
            running = self._forked()
        except OSError as error:
            raise NotStarted(
                f"The child process {self._program} cannot be started: {error.strerror}."
            ) from error
        try:
            if not running.connection.poll(_START.total_seconds()):
                raise TimeoutError
            running.greeting, _ = receive(running.connection)
        except (EOFError, OSError) as error:
            running.end()
            raise NotStarted(
                f"The child process {self._program} does not start. Its error output says why."
            ) from error
        return running

    def _forked(self) -> _Running:
        ours, theirs = Pipe()
        # -P: a module in the present folder must not stand in for one that was meant.
        command = [sys.executable, "-P", "-m", self._program]
        command += [str(theirs.fileno()), str(self._limit.total_seconds()), *self._arguments()]
        with theirs, ExitStack() as if_it_fails:
            if_it_fails.callback(ours.close)
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                command,
                env=_passed_on() | dict(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
            if_it_fails.pop_all()
        return _Running(process=process, connection=ours, greeting={}, owner=os.getpid())


class Children:
    """Some children that do the same work, for threads that ask at the same time."""

    def __init__(
        self, make: Callable[[], Child], *, count: int, patience: timedelta | None = None
    ) -> None:
        """``patience`` is how long a thread waits until one is free: for ever if it is not said."""
        self._all = [make() for _ in range(count)]
        # The last used first: what is warm stays warm, and the others need not be started.
        self._free: queue.LifoQueue[Child] = queue.LifoQueue()
        self._patience = patience.total_seconds() if patience is not None else None
        for child in reversed(self._all):
            self._free.put(child)

    @property
    def first(self) -> Child:
        """The one that is asked where no other is busy."""
        return self._all[0]

    def ask(self, head: Head, body: bytes = b"") -> Message:
        """Return a child's answer. Raises GaveUp, NotStarted, Busy."""
        with self._one() as child:
            return child.ask(head, body)

    def close(self) -> None:
        """End all that run."""
        for child in self._all:
            child.close()

    @contextmanager
    def _one(self) -> Iterator[Child]:
        try:
            child = self._free.get(timeout=self._patience)
        except queue.Empty as error:
            raise Busy from error
        try:
            yield child
        finally:
            self._free.put(child)


def _passed_on() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
