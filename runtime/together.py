"""Callers that wait at the same time are served by one call: one statement, one commit for all."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
#: So many callers at most share a call.
LARGEST_GROUP = 200


class Together(Generic[T, R]):
    """Serves callers of many threads, one group after another, in a thread of its own.

    ``work`` is given what the callers ask, in their order, and returns an answer for each; it
    begins after all of them had asked. What it raises is raised at each of them.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R]], *, name: str) -> None:
        self._work = work
        self._waiting: queue.SimpleQueue[tuple[T, Future[R]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def ask(self, asked: T) -> R:
        """Return the answer; raises what ``work`` raised."""
        future: Future[R] = Future()
        self._waiting.put((asked, future))
        return future.result()

    def waiting(self) -> int:
        """How many callers wait for the next group."""
        return self._waiting.qsize()

    def _run(self) -> None:
        while True:
            group = [self._waiting.get()]
            while len(group) < LARGEST_GROUP and not self._waiting.empty():
                group.append(self._waiting.get())
            self._serve(group)

    def _serve(self, group: Sequence[tuple[T, Future[R]]]) -> None:
        try:
            answers = self._work([asked for asked, _ in group])
        # Whatever it is: a caller that is never answered would wait for ever.
        except BaseException as exc:  # noqa: BLE001
            for _, future in group:
                future.set_exception(exc)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            future.set_result(answer)
