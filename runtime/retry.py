"""When to try again: a policy that returns a decision and never sleeps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that double from ``first`` up to ``longest``."""

    first: timedelta
    longest: timedelta

    def wait(self, tries: int, *, at_least: timedelta | None = None) -> timedelta:
        """How long to wait after ``tries`` failures in a row (from 1), never under ``at_least``."""
        wait = self.first
        for _ in range(tries - 1):
            if wait >= self.longest:
                break
            wait *= 2
        return max(min(wait, self.longest), at_least or timedelta())
