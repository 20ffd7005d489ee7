"""What was completed when no mapping wanted it, and which of it mappings in use want now.

A completion that is taken up is mapped by every mapping that wants it. So it is taken up for some
of them only where no other wants it: what was left alone for another stays so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.parts import parts
from bridge.pipeline.versioned import active_mappings
from bridge.pipeline.zones import zoned
from bridge.store import accounts, completions, events
from bridge.store.states import CompletionState
from bridge.store.tables import completion
from mappings import engine
from runtime.crashpoint import crashpoint

#: Completions that are read, or set going, at once.
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which earlier completions some mappings want."""

    ids: Sequence[str]  #: those that no other mapping wants
    #: By the name of another mapping: how many it wants as well, which are not among ``ids``.
    others: Mapping[str, int]


def wanted(bridge: Bridge, names: Collection[str]) -> Wanted:
    """Look at what these mappings, which are in use, want of all that none wanted before.

    Completions are taken as the LMS told them then.
    """
    ids: list[str] = []
    others: Counter[str] = Counter()
    for row_id, chosen in _chosen(bridge):
        if chosen <= set(names):
            ids.append(row_id)
        elif not chosen.isdisjoint(names):
            others.update(chosen - set(names))
    return Wanted(ids=ids, others=others)


def _chosen(bridge: Bridge) -> Iterator[tuple[str, set[str]]]:
    """Of each completion that some mapping wants now: its id, and their names."""
    with bridge.database.read() as conn:
        active = [each.mapping for each in active_mappings(conn)]
        sites = {row.id: row for row in accounts.sites(conn)}
        ids = completions.unmatched(conn, sites)
    for some in parts(ids, BATCH):
        with bridge.database.read() as conn:
            rows = completions.by_ids(conn, some)
        for row_id, row in rows.items():
            site = sites[row.site_id]
            told = zoned(completions.unpack(row.data), site, setting=bridge.settings.timezone)
            if chosen := engine.choose(active, told, site=site.name):
                yield row_id, {each.name for each in chosen}


def take_up(bridge: Bridge, ids: Sequence[str], *, who: str) -> int:
    """Have completions mapped anew that no mapping wanted; return how many still waited for it."""
    count = sum(_set_going(bridge, some, who=who) for some in parts(ids, BATCH))
    bridge.ring("normalise")
    return count


def _set_going(bridge: Bridge, ids: Sequence[str], *, who: str) -> int:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        count = conn.execute(
            sa.update(completion)
            .where(completion.c.id.in_(ids), completion.c.state == CompletionState.UNMATCHED)
            .values(state=CompletionState.FOUND, next_run_at=now, lease_until=None, tries=0)
        ).rowcount
        if count:
            events.record(
                conn, "completion", "unmatched taken up", at=now, who=who, detail=str(count)
            )
        crashpoint("earlier.taking_up")
    crashpoint("earlier.taken_up")
    return count
