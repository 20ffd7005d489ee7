"""Those whom a step serves, each in a thread of its own: whoever takes its time delays nobody else.

They are sites, each with its LMS, or issuers, each with its vault. A run of a step ends after a
slice though somebody is still being served: that goes on meanwhile, and the next run knows of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

#: So many are served at the same time, by one step of one process.
MOST = 8
#: While one keeps us waiting, it is looked this often who else has work.
LOOK_S = 1.0
#: A run waits for the slowest so long; then the other steps of its bell have their turn.
SLICE_S = 5.0


class SideBySide:
    """Whom one step of this process is serving."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MOST, thread_name_prefix="side")
        self._busy: dict[Future[object], str] = {}

    def run(self, waiting: Callable[[], Iterable[str]], serve: Callable[[str], object]) -> bool:
        """Serve a batch to each who has work; say whether there may be more.

        While one takes its time the others are served again and again, as they have work. Raises
        what ``serve`` raised, once the others are done. Is called by one thread at a time.
        """
        until = time.monotonic() + SLICE_S
        failed: BaseException | None = None
        self._begin(waiting, serve)
        served = bool(self._busy)
        while self._busy and time.monotonic() < until:
            done, _ = wait(self._busy, timeout=LOOK_S, return_when=FIRST_COMPLETED)
            for future in done:
                del self._busy[future]
                failed = failed or future.exception()
            if self._busy and failed is None:
                self._begin(waiting, serve)
        if failed is not None:
            raise failed
        return served

    def close(self) -> None:
        """Wait for those who are being served; raises what ``serve`` raised."""
        self._pool.shutdown()
        for future in self._busy:
            future.result()

    def _begin(self, waiting: Callable[[], Iterable[str]], serve: Callable[[str], object]) -> None:
        busy = set(self._busy.values())
        for who in waiting():
            if who not in busy:
                self._busy[self._pool.submit(serve, who)] = who
