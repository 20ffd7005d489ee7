"""Whether a listed completion is one that we know: by course, learner and round, for all time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from bridge.store.completions import NOTICED
from connectors.base import ROUGHLY, Completion

#: A rough moment may fall on the next day or the one before.
NEXT_DAY = timedelta(days=1)


def is_known(found: Completion, rounds: Iterable[str]) -> bool:
    """Whether one of the rounds that we know of this learner and course is the listed one."""
    return any(_is(found, round_) for round_ in rounds)


def _is(found: Completion, round_: str) -> bool:
    listed = found.completed_at or found.noticed_at
    if round_.startswith(NOTICED):
        # Its date is not known yet. The event is never earlier than what it tells of.
        noticed = datetime.fromisoformat(round_.removeprefix(NOTICED))
        return noticed >= listed - ROUGHLY
    if found.completed_at is not None:
        return round_ == found.round
    off = date.fromisoformat(round_) - listed.astimezone(UTC).date()
    return abs(off) <= NEXT_DAY
