"""Many rows in parts: so many to a commit, or ids to a query.

On SQLite one process writes at a time, and what the web answers waits for it: a commit holds the
database for some twenty milliseconds, and each step says how many of its rows that are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def parts(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The same in the order they are, at most so many at a time."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
