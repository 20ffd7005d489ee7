"""When a gradebook that says what it must is looked at again.

All rows of one course at the same moment, so that few calls tell of them all; different courses at
different moments of the period; and the longer something has stood, the less often.
"""

from __future__ import annotations

import math
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

#: What has stood for this many periods is looked at every period, for twice as many every other …
SETTLES = 30


def next_look(row: sa.Row[Any], *, every: timedelta, now: datetime) -> datetime:
    """The next moment of the row's course that is far enough away."""
    stood = now - (row.written_at or now)
    earliest = now + max(every, stood / SETTLES) - every / 2
    period = every.total_seconds()
    phase = period * _share(f"{row.site_id} {row.course_id}")
    number = math.ceil((earliest.timestamp() - phase) / period)
    return datetime.fromtimestamp(number * period + phase, UTC)


def _share(name: str) -> float:
    """A share of 1, equal for equal names and spread evenly over all."""
    return zlib.crc32(name.encode()) / 2**32
