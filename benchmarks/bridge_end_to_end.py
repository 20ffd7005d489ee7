"""From a webhook to the gradebook: certificates a second by the bridge's real processes.

Compared by turns with the naive way (see `benchmarks.naive`), of as many workers as there are
cores, and with printing alone on every core. The vault and the LMS answer at once, and share the
machine.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import bridges, databases, naive
from benchmarks.bare_printing import CORES, Everywhere
from benchmarks.bridges import Prepared
from benchmarks.load import seconds
from benchmarks.processes import program
from benchmarks.rendering import page
from benchmarks.rows import Row
from bridge.certificates.render import Renderer

CLIENTS = 8
CERTIFICATES, NAIVE, PAGES = 300, 30, 200
ROUNDS = 5


@dataclass(slots=True)
class Rates:
    """Certificates a second of each round."""

    ours: list[float] = field(default_factory=list)
    naive: list[float] = field(default_factory=list)
    printed: list[float] = field(default_factory=list)


def run() -> Iterator[Row]:
    """Two rows for each database."""
    for kind in databases.KINDS:
        with tempfile.TemporaryDirectory(prefix="vb-") as name, ExitStack() as stack:
            folder = Path(name)
            bridge = bridges.prepare(stack.enter_context(databases.empty(kind, folder)), folder)
            rates = _rates(bridge, folder)
        yield _row(f"certificates, beside the naive way, {kind}", rates.ours, rates.naive, 6)
        yield _row(f"certificates, beside printing alone, {kind}", rates.ours, rates.printed, 0.3)


def _row(name: str, ours: Sequence[float], floor: Sequence[float], at_least: float) -> Row:
    return Row(
        name=name,
        figure=statistics.median(ours),
        unit="a second",
        floor=statistics.median(floor),
        ratio=statistics.median(a / b for a, b in zip(ours, floor, strict=True)),
        at_least=at_least,
    )


def _rates(bridge: Prepared, folder: Path) -> Rates:
    fonts = folder / "fonts"
    with Renderer(font_cache=fonts) as renderer:
        pages = [json.dumps(renderer.data(page(n, "en"))) for n in range((ROUNDS + 1) * PAGES)]
    redis, rates = bridge.environment["BRIDGE_REDIS_URL"], Rates()
    with ExitStack() as stack:
        stack.enter_context(bridges.working(bridge, folder))
        bare = stack.enter_context(closing(Everywhere(fonts)))
        for number in range(CORES):
            log = folder / f"naive-{number}.log"
            stack.enter_context(program("benchmarks.naive", redis, environment={}, log=log))
        for turn in range(ROUNDS + 1):
            rates.ours.append(ours(bridge, range(turn * CERTIFICATES, (turn + 1) * CERTIFICATES)))
            numbers = range(turn * NAIVE, (turn + 1) * NAIVE)
            rates.naive.append(_naive(bridge, numbers, pages[0], fonts))
            rates.printed.append(bare.a_second(pages[turn * PAGES : (turn + 1) * PAGES]))
    for each in (rates.ours, rates.naive, rates.printed):
        del each[0]  # it warms up
    return rates


def ours(bridge: Prepared, numbers: range) -> float:
    """Certificates a second, from the first of these webhooks to the last cell of the gradebook."""
    until, requests = bridge.told() + len(numbers), bridge.signed(numbers)
    began = time.perf_counter()
    seconds(bridge.port, requests, clients=CLIENTS, wanted=202)
    bridge.wait_until_told(until)
    return len(numbers) / (time.perf_counter() - began)


def _naive(bridge: Prepared, numbers: range, page: str, fonts: Path) -> float:
    until = bridge.told() + len(numbers)
    began = time.perf_counter()
    naive.enqueue(
        bridge.environment["BRIDGE_REDIS_URL"],
        numbers,
        page,
        vault=bridge.vault_url,
        lms=bridge.lms_url,
        fonts=fonts,
    )
    bridge.wait_until_told(until)
    return len(numbers) / (time.perf_counter() - began)
