"""A tally in words: ``212 completed, 209 certified, 3 waiting``, and for what they wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.pipeline.known_causes import known
from bridge.store.tallies import ON_ITS_WAY, Tally


def sentence(tally: Tally) -> str:
    """How many there are, and how many of them are certified, wait, or are left alone."""
    parts = [f"{tally.completed:,} completed", f"{tally.certified:,} certified"]
    if tally.waits:
        parts.append(f"{tally.waits:,} waiting")
    if tally.left:
        parts.append(f"{sum(tally.left.values()):,} not to be certified")
    return ", ".join(parts)


def reasons(causes: Mapping[str, int]) -> Sequence[tuple[int, str, str]]:
    """How many, for which cause, and what it means; the largest first."""
    ordered = sorted(causes.items(), key=lambda one: (-one[1], one[0]))
    return [(number, cause, _means(cause)) for cause, number in ordered]


def _means(cause: str) -> str:
    return "On the way." if cause == ON_ITS_WAY else known(cause).means
