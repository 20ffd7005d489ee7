"""How long the editor of mappings takes to draw a certificate anew after a key was pressed.

The whole answer is measured, as the browser waits for it: who asks, the document's mistakes against
what the installation has, the completion under it, its page. The floor is to print that page.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import bridges, databases
from benchmarks.bridge_backtest import MANY, received
from benchmarks.line import built
from benchmarks.rendering import page
from benchmarks.rows import Row
from bridge.app import create_app
from bridge.people import entering
from bridge.people.roles import NO_LIMITS, Role
from bridge.wiring import Bridge

KEYS = 100
PASSWORD = "correct horse battery staple"  # noqa: S105 - of a bridge that is gone in a minute
#: What is promised, in milliseconds, of the slowest but five in a hundred.
WITHIN_MS = 300


def run() -> Iterator[Row]:
    """A row for each database."""
    for kind in databases.KINDS:
        with tempfile.TemporaryDirectory(prefix="vb-") as name, ExitStack() as stack:
            folder = Path(name)
            url = stack.enter_context(databases.empty(kind, folder))
            bridge = built(bridges.prepare(url, folder).environment)
            stack.callback(bridge.database.close)
            stack.enter_context(bridge.renderer)
            received(bridge)
            look, shown = _editor(bridge), replace(page(0, "en"), details=None)
            yield Row(
                name=f"a key in the editor to its picture, {MANY} completions, {kind}",
                figure=_slow(look),
                unit="ms",
                floor=_slow(
                    lambda n: bridge.renderer.render(  # noqa: B023 - called at once
                        replace(shown, title=f"Biology {n}"),  # noqa: B023
                        form="svg",
                    )
                ),
                at_most=WITHIN_MS,
            )


def _editor(bridge: Bridge) -> Callable[[int], None]:
    """Somebody in the editor; gives what presses a key."""
    link = entering.invite(
        bridge, "ada@staff.example", name="Ada", role=Role.ADMIN, limits=NO_LIMITS, who="benchmark"
    )
    entering.accept(bridge, link.rpartition("/")[2], PASSWORD)
    client: Any = create_app(bridge).test_client()
    ours = {"Sec-Fetch-Site": "same-origin"}
    pair = {"email": "ada@staff.example", "password": PASSWORD}
    client.post("/console/sign-in", data=pair, headers=ours)
    form = client.get("/console/mapping-editor").text.partition('name="form" value="')[2][:64]

    def press(number: int) -> None:
        text = bridges.MAPPING.replace("Completion:", f"Completion {number}:")
        data = {"form": form, "document": text, "view": "yaml"}
        answer = client.post("/console/mapping-editor/look", data=data, headers=ours)
        if "data:image/svg+xml" not in answer.json["look"]:
            raise RuntimeError(f"no picture: {answer.json['look']}")

    return press


def _slow(one: Callable[[int], object]) -> float:
    """The time in milliseconds that 95 of 100 are within, once it is warm."""
    taken = []
    for number in range(KEYS + 10):
        began = time.perf_counter()
        one(number)
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.quantiles(taken[10:], n=20)[-1]
