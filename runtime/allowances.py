"""How many requests a token may make: so many in each minute, counted in this process.

One web process serves SQLite. Where several serve one PostgreSQL each counts for itself, so that a
token may get through up to as many times the limit: it guards against a client gone wild, it does
not bill anybody, and a request costs no write for it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

WINDOW_S = 60.0
LIMIT_HEADER = "X-RateLimit-Limit"
REMAINING_HEADER = "X-RateLimit-Remaining"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Where a token stands after a request."""

    limit: int
    remaining: int
    retry_after: int | None  #: whole seconds; None where the request may pass

    @property
    def headers(self) -> dict[str, str]:
        """As an answer tells it."""
        return {LIMIT_HEADER: str(self.limit), REMAINING_HEADER: str(self.remaining)}


class RateLimit:
    """Counts each token's requests in windows of a minute; safe to use from many threads."""

    def __init__(self, limit: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._lock = threading.Lock()
        #: By token: when its window began, and the requests since. One entry a valid token.
        self._windows: dict[Hashable, tuple[float, int]] = {}

    def count(self, token_id: Hashable) -> Allowance:
        """Count one request of a valid token, and say whether it may pass."""
        with self._lock:
            now = self._monotonic()
            began, made = self._windows.get(token_id, (now, 0))
            if now - began >= WINDOW_S:
                began, made = now, 0
            self._windows[token_id] = (began, made + 1)
        left = self._limit - made - 1
        wait = None if left >= 0 else max(1, math.ceil(began + WINDOW_S - now))
        return Allowance(limit=self._limit, remaining=max(0, left), retry_after=wait)
