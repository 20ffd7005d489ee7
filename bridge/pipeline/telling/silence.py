"""Whether a site has fallen silent, by its own history: some rest at night, some all weekend.

A site is silent once nothing came for a day *and* for half as long again as its longest pause of
the four weeks before. One that sent little, or on few days, is not called busy, so never silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

LOOKS_BACK = timedelta(days=28)
#: So many deliveries, on so many days, make a site a busy one.
LEAST_DELIVERIES = 20
LEAST_DAYS = 5
#: How much longer than its longest pause a site must be silent.
LONGER = 1.5


def is_silent(
    history: Sequence[datetime], *, heard: datetime, now: datetime, least: timedelta
) -> bool:
    """Whether a site was last ``heard`` of too long ago; ``history``: when deliveries came.

    ``history`` is in order and reaches back `LOOKS_BACK` from ``heard``; ``least`` is the shortest
    silence that is called one.
    """
    days = {moment.date() for moment in history}
    if len(history) < LEAST_DELIVERIES or len(days) < LEAST_DAYS:
        return False
    longest = max(later - earlier for earlier, later in pairwise(history))
    return now - heard >= max(least, longest * LONGER)
