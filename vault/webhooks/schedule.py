"""When a delivery is sent again, and when an endpoint is given up: policies that only decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

#: The wait before each attempt, 27 h 35 min in all.
WAITS = (
    timedelta(),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
#: A wait is longer or shorter by up to this share, so that what failed together is not sent again
#: together.
JITTER = 0.2
#: So many deliveries in a row whose attempts were used up, or so long without one accepted, and
#: the endpoint is disabled.
MOST_GIVEN_UP = 10
LONGEST_FAILING = timedelta(days=5)

#: Returns a number from 0 to 1.
Random = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When to send again; ``scale`` shortens the waits for tests."""

    random: Random
    scale: float = 1.0

    def wait(self, tries: int) -> timedelta | None:
        """The wait after ``tries`` failed attempts (from 1); None when they are used up."""
        if tries >= len(WAITS):
            return None
        return WAITS[tries] * self.scale * (1 + JITTER * (2 * self.random() - 1))


def reason_to_disable(
    *, given_up: int, failing_since: datetime | None, now: datetime
) -> str | None:
    """Why an endpoint that has just failed is disabled, or None.

    ``given_up`` counts deliveries in a row whose attempts were used up; ``failing_since`` is when
    the first attempt failed after which none succeeded.
    """
    if given_up >= MOST_GIVEN_UP:
        return f"{given_up} deliveries in a row were tried {len(WAITS)} times and never accepted."
    if failing_since is not None and now - failing_since >= LONGEST_FAILING:
        return f"No delivery was accepted for {LONGEST_FAILING.days} days."
    return None
