"""A step in a thread of its own, so that what is slow in it delays no other step of its bell."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

#: How long a turn waits for the thread: the pace at which the other steps have theirs meanwhile.
TURN_S = 0.25


class Beside:
    """Turns of a step that end at once though the step may not; one batch at a time."""

    def __init__(self, run: Callable[[], bool], *, name: str) -> None:
        self._run = run
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._running: Future[bool] | None = None

    def run(self) -> bool:
        """Begin a batch or look after the one begun; say whether there may be more.

        Raises what the step raised.
        """
        if self._running is None:
            self._running = self._thread.submit(self._run)
        done, _ = wait([self._running], timeout=TURN_S)
        if not done:
            return True
        ended, self._running = self._running, None
        return ended.result()
