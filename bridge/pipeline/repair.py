"""What a replay of a group would do: counted for all of it, and tried with some of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.pipeline import preview, selection
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.outlook import Foreseen
from bridge.pipeline.parts import parts
from bridge.pipeline.replay_plan import Act, plan
from bridge.pipeline.selection import CHUNK, Selection

#: So many rows are looked at: a page must not keep somebody waiting.
MOST = 10_000
#: So many are tried to the end, with their LMS asked and their certificate printed.
TRIED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What a replay would do. Nothing of it is done."""

    selected: int
    acts: Mapping[Act, int]  #: how many of the first `MOST` would begin so
    tried: Sequence[Foreseen]

    @property
    def looked_at(self) -> int:
        """How many were looked at."""
        return sum(self.acts.values())


def look(bridge: Bridge, meant: Selection, *, mapping: str) -> Repair:
    """Look at what a replay of a selection would do, now and with this mapping."""
    acts: Counter[Act] = Counter()
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        ids = selection.select(conn, meant, now=now)
        for chunk in parts(ids[:MOST], CHUNK):
            acts.update(each.act for each in plan(conn, chunk, mapping=mapping, now=now))
    tried = list(preview.foresee(bridge, ids[:TRIED], mapping=mapping))
    return Repair(selected=len(ids), acts=acts, tried=tried)
