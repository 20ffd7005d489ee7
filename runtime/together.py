"""Callers that wait at the same time are served by one call: one statement, one commit for all."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
R = TypeVar("R")
#: So many callers at most share a call.
LARGEST_GROUP = 200
#: What callers ask, each with the future of its answer; None is the end.
_Waiting: TypeAlias = "queue.SimpleQueue[tuple[T, Future[R]] | None]"


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

    def ask(self, asked: T) -> R:
        """Return the answer; raises what ``work`` raised."""
        future: Future[R] = Future()
        self._waiting.put((asked, future))
        return future.result()

    def waiting(self) -> int:
        """How many callers wait for the next group."""
        return self._waiting.qsize()

    def serve(self, group: Sequence[tuple[T, Future[R]]]) -> None:
        """Answer a group; its own thread calls this."""
        try:
            answers = self._work([asked for asked, _ in group])
        # Whatever it is: a caller that is never answered would wait for ever.
        except BaseException as exc:  # noqa: BLE001
            for _, future in group:
                future.set_exception(exc)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            future.set_result(answer)


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
