"""What the bridge's processes hold in memory while certificates pass, and whether it grows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from benchmarks import bridges, databases
from benchmarks.bridge_end_to_end import ours
from benchmarks.memory import resident_mb
from benchmarks.rows import Row

#: Over so many certificates memory must not grow; all has been used by the first part of them.
MANY, SLICES = 20_000, 20
WARM = SLICES // 5
#: What a web process and a worker, each with its children, may hold, in MB.
MOST = {"web": 180, "worker": 150}
GROWTH = 1.05


def run() -> Iterator[Row]:
    """A row for each process, and one for growth."""
    with tempfile.TemporaryDirectory(prefix="vb-") as name, ExitStack() as stack:
        folder = Path(name)
        bridge = bridges.prepare(stack.enter_context(databases.empty("PostgreSQL", folder)), folder)
        pids = stack.enter_context(bridges.working(bridge, folder))
        names = ["web", *(" ".join(command) for command in bridges.WORKERS)]
        taken = []
        for begin in range(0, MANY, MANY // SLICES):
            ours(bridge, range(begin, begin + MANY // SLICES))
            taken.append(dict(zip(names, map(resident_mb, pids), strict=True)))
    yield from rows(taken[WARM - 1], taken[-1])


def rows(early: Mapping[str, float], late: Mapping[str, float]) -> Iterator[Row]:
    """What each process holds in the end, and how the one did that grew most."""
    for name, held in late.items():
        yield Row(name=name, figure=held, unit="MB", at_most=MOST[name.split()[0]])
    most = max(late, key=lambda name: late[name] / early[name])
    yield Row(
        name=f"{most}, which grew most, after {MANY} certificates, beside {MANY * WARM // SLICES}",
        figure=late[most],
        unit="MB",
        floor=early[most],
        ratio=late[most] / early[most],
        at_most=GROWTH,
    )
