"""Ports for what a test starts, where nobody takes one between its being found and being used.

They lie below those that Linux gives to clients (from 32768 on), each process of pytest has a part
of its own, and each port has free ones after it, for programs that take the next ones, too.
"""

from __future__ import annotations

import os
from itertools import count

from runtime import embedded

FIRST, LAST = 10_000, 32_000
#: How far two ports of a process lie apart, and two processes' parts.
APART, PART = 10, 997

_places = count(os.getpid() * PART, APART)


def free_port() -> int:
    """A port on which nobody listens, and another one each time."""
    place = FIRST + next(_places) % (LAST - FIRST)
    return embedded.free_port(embedded.LOOPBACK, after=place - 1)
