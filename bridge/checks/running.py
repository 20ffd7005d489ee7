"""Whether the work is done: Redis, the processes, what waits too long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bridge.checks.installation import Installation
from bridge.processes import LIVING
from bridge.queue import SERVICE, bells_due
from bridge.store.tables import process
from runtime import checkup, heartbeat
from runtime.bell import Bell
from runtime.checkup import Finding

#: So long after its time, work is stuck.
STUCK = timedelta(minutes=10)
UP = "vaultbridge up"


def redis(of: Installation) -> Iterator[Finding]:
    """Whether bells can be rung."""
    problem = Bell(of.settings.redis_url, service=SERVICE).problem()
    if problem is not None:
        yield Finding(
            text=f"{problem}. Start it, or `{UP}`, which brings its own, or correct "
            "BRIDGE_REDIS_URL. Deliveries are taken all the same; their work waits."
        )


def processes(of: Installation) -> Iterator[Finding]:
    """Whether each worker and the clock give signs of life."""
    with of.database.read() as conn:
        signs = heartbeat.signs(conn, process, now=of.database.now(conn))
    yield from checkup.processes(signs, LIVING, all_by=UP)


def waiting(of: Installation) -> Iterator[Finding]:
    """Whether something waits that could have been done, and was not."""
    with of.database.read() as conn:
        late = bells_due(conn, by=of.database.now(conn) - STUCK)
    for bell in late:
        yield Finding(
            text=f"Work for `vaultbridge worker {bell}` waits for more than {STUCK.seconds // 60} "
            "minutes. Does it run, and `vaultbridge clock`? What it logs names the reason; with "
            "more work than it can do, start a second one."
        )
