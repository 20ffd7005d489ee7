"""The one place where a test waits: it polls, and it has a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02
#: For a machine that is busy with much else: what goes well is over long before.
PATIENCE_S = 60.0


def eventually(look: Callable[[], T], *, within: float = PATIENCE_S, every: float = POLL_S) -> T:
    """Return the first truthy result of ``look``; fail with its last one after ``within`` s.

    ``every``: the seconds between two looks, where a look costs more than nothing.
    """
    deadline = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still {found!r} after {within} s")
        time.sleep(every)
    return found
