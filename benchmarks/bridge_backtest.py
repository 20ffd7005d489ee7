"""How long a draft of a mapping takes over many completions, and how much of that is mapping alone.

The draft changes every title, so that every certificate is made twice and looked up at its key.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import bridges, databases
from benchmarks.line import built
from benchmarks.rows import Row
from bridge.pipeline.backtest import backtest
from bridge.store import accounts, completions
from bridge.store.states import CompletionState
from bridge.store.tables import completion
from bridge.wiring import Bridge
from connectors.base import Completion, Course, Learner
from mappings.comparing import Change
from mappings.document import load
from mappings.engine import apply

MANY = 10_000
DRAFT = bridges.MAPPING.replace("Completion: ", "Completing ")


def run() -> Iterator[Row]:
    """A row for each database."""
    for kind in databases.KINDS:
        with tempfile.TemporaryDirectory(prefix="vb-") as name, ExitStack() as stack:
            folder = Path(name)
            url = stack.enter_context(databases.empty(kind, folder))
            bridge = built(bridges.prepare(url, folder).environment)
            stack.callback(bridge.database.close)
            told = received(bridge)
            yield Row(
                name=f"a draft over {MANY} completions, {kind}",
                figure=_tested(bridge),
                unit="s",
                floor=_mapped_twice(told),
                at_most=10,
            )


def received(bridge: Bridge) -> Sequence[Completion]:
    """Have completions as they are kept once the LMS has told of them."""
    now = datetime.now(UTC)
    told = [
        Completion(
            course=Course(id=f"{n // bridges.COURSE}", title=f"Biology {n // bridges.COURSE}"),
            learner=Learner(id=f"{n}", full_name=f"Amina {n}", email=f"learner{n}@example.edu"),
            completed_at=now,
            noticed_at=now,
        )
        for n in range(MANY)
    ]
    with bridge.database.write() as conn:
        site = accounts.site_named(conn, "stub")
        for one in told:
            completions.add(conn, site.id, one, delivery_id=None, now=now)
        conn.execute(completion.update().values(state=CompletionState.MAPPED))
    return told


def _tested(bridge: Bridge) -> float:
    began = time.perf_counter()
    changed = [
        one
        for one in backtest(bridge, load(DRAFT), last=MANY)
        if one.difference.change is Change.CHANGED
    ]
    taken = time.perf_counter() - began
    if len(changed) != MANY:
        raise RuntimeError(f"{len(changed)} of {MANY} certificates would be changed")
    return taken


def _mapped_twice(told: Sequence[Completion]) -> float:
    began = time.perf_counter()
    for mapping in (load(bridges.MAPPING), load(DRAFT)):
        for one in told:
            apply(mapping, one, site="stub")
    return time.perf_counter() - began
