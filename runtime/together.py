"""Callers that wait at the same time are served by one call: one statement, one commit for all."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
R = TypeVar("R")
#: So many callers at most share a call.
LARGEST_GROUP = 200


class _Asked(Generic[T, R]):
    """What somebody asks, and waits for the answer to.

    A bare lock: a Future's own would make whoever is answered wait for whoever answers.
    """

    __slots__ = ("_answered", "answer", "problem", "what")

    def __init__(self, what: T) -> None:
        self.what = what
        self.answer: R
        self.problem: BaseException | None = None
        self._answered = threading.Lock()
        self._answered.acquire()

    def settle(self) -> None:
        """The answer is there, or the problem."""
        self._answered.release()

    def wait(self) -> R:
        """Return the answer once it is there; raises the problem."""
        self._answered.acquire()
        if self.problem is not None:
            raise self.problem
        return self.answer


#: What callers ask; None is the end.
_Waiting: TypeAlias = "queue.SimpleQueue[_Asked[T, R] | None]"


class Together(Generic[T, R]):
    """Serves callers of many threads, one group after another, in a thread of its own.

    ``work`` is given what the callers ask, in their order, and returns an answer for each; it
    begins after all of them had asked. What it raises is raised at each of them. The thread ends
    once nobody can ask any more.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R]], *, name: str) -> None:
        self._work = work
        self._waiting: _Waiting[T, R] = queue.SimpleQueue()
        # It must not keep what it serves: then that would never go.
        served = weakref.ref(self)
        target, given = _serve_while_there, (served, self._waiting)
        threading.Thread(target=target, args=given, name=name, daemon=True).start()
        weakref.finalize(self, self._waiting.put, None).atexit = False

    def ask(self, what: T) -> R:
        """Return the answer; raises what ``work`` raised."""
        asked: _Asked[T, R] = _Asked(what)
        self._waiting.put(asked)
        return asked.wait()

    def waiting(self) -> int:
        """How many callers wait for the next group."""
        return self._waiting.qsize()

    def serve(self, group: Sequence[_Asked[T, R]]) -> None:
        """Answer a group; its own thread calls this."""
        try:
            answers = self._work([asked.what for asked in group])
            for asked, answer in zip(group, answers, strict=True):
                asked.answer = answer
        # Whatever it is: a caller that is never answered would wait for ever.
        except BaseException as exc:  # noqa: BLE001
            for asked in group:
                asked.problem = exc
        for asked in group:
            asked.settle()


def _serve_while_there(served: weakref.ref[Together[T, R]], waiting: _Waiting[T, R]) -> None:
    while (first := waiting.get()) is not None:
        group = [first]
        while len(group) < LARGEST_GROUP and not waiting.empty():
            # Whoever asks holds what is asked: the end comes after all of them.
            if (one := waiting.get()) is not None:
                group.append(one)
        if (together := served()) is None:
            return
        together.serve(group)
        del together, group, first
