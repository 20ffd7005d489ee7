"""How fast webhooks are stored and answered, how much of that is ours, and whether work delays it.

The floor is a bare Flask view that reads the same body and commits one row for itself. Both are
served by Granian, on the same database, and called by a few clients over HTTP by turns. Afterwards
webhooks come steadily while the workers are busy with those before.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

from benchmarks import bridges, databases
from benchmarks.bare_view import DATABASE
from benchmarks.bridges import Prepared
from benchmarks.load import latencies, post, seconds
from benchmarks.processes import answers, free_port, program, running
from benchmarks.rows import Row

CLIENTS = 16
#: Short rounds, many of them: what else the machine does comes and goes.
WEBHOOKS = 300
ROUNDS = 11
WANTED = {"SQLite": 2.0, "PostgreSQL": 0.7}
#: Webhooks a second, for so many seconds, after so many that keep the workers busy meanwhile.
STEADY, STEADY_S, BEFORE = 300, 10, 1_000
#: What an answer may take in milliseconds, but for one in a hundred.
MOST_MS = 50


def run() -> Iterator[Row]:
    """Two rows for each database."""
    for kind in databases.KINDS:
        with tempfile.TemporaryDirectory(prefix="vb-") as name, ExitStack() as stack:
            folder = Path(name)
            url = stack.enter_context(databases.empty(kind, folder))
            bridge = bridges.prepare(url, folder)
            ours, bare = _rates(bridge, url, folder)
            yield Row(
                name=f"webhooks stored, {kind}",
                figure=statistics.median(ours),
                unit="a second",
                floor=statistics.median(bare),
                ratio=statistics.median(a / b for a, b in zip(ours, bare, strict=True)),
                at_least=WANTED[kind],
            )
            yield Row(
                name=f"99 of 100 answers at {STEADY}/s while workers are busy, {kind}",
                figure=_slow_answer(bridge, folder) * 1000,
                unit="ms",
                at_most=MOST_MS,
            )


def _rates(bridge: Prepared, url: str, folder: Path) -> tuple[list[float], list[float]]:
    """Webhooks a second of each round, (ours, bare)."""
    port = free_port()
    floor = program(
        "benchmarks.bare_view", str(port), environment={DATABASE: url}, log=folder / "bare.log"
    )
    served = running("bridge.cli", ("web",), environment=bridge.environment, folder=folder)
    with served, floor:
        answers(bridge.port)
        answers(port)
        ours, bare = [], []
        for begin in range(0, (ROUNDS + 1) * WEBHOOKS, WEBHOOKS):
            numbers = range(begin, begin + WEBHOOKS)
            requests = bridge.recorded(numbers)
            ours.append(_rate(bridge.port, requests))
            bodies = [request.partition(b"\r\n\r\n")[2] for request in requests]
            bare.append(_rate(port, [post("/hook", body, {}) for body in bodies]))
    return ours[1:], bare[1:]  # the first warms both up


def _rate(port: int, requests: list[bytes]) -> float:
    return len(requests) / seconds(port, requests, clients=CLIENTS, wanted=202)


def _slow_answer(bridge: Prepared, folder: Path) -> float:
    """The time within which 99 of 100 webhooks were answered, in seconds."""
    with bridges.working(bridge, folder):
        seconds(bridge.port, bridge.signed(range(BEFORE)), clients=CLIENTS, wanted=202)
        numbers = range(BEFORE, BEFORE + STEADY * STEADY_S)
        # In a process of its own: its own pauses would be taken for the server's.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
            taken = apart.submit(
                latencies, bridge.port, bridge.signed(numbers), a_second=STEADY, wanted=202
            ).result()
    return statistics.quantiles(taken, n=100)[-1]
