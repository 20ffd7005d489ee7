"""How everything stands: what needs a person first, tallies, sites, issuers, queues, processes.

And how it flows: what passed each step of the way lately, and what waits there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from bridge import queue
from bridge.pipeline.attention import matters
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.tally_text import reasons, sentence
from bridge.processes import LIVING
from bridge.store import flow as passing
from bridge.store import last_signs, steps, tallies
from bridge.store.flow import Bucket
from bridge.store.states import CompletionState, DeliveryState, IssuanceState, WriteBackState
from bridge.store.steps import Standing
from bridge.store.tables import process
from bridge.store.tallies import Tally
from runtime import heartbeat

HOUR, BAR = timedelta(hours=1), timedelta(minutes=5)
DAYS = 30

#: Of an issuance, what is its vault's part of the way.
_AT_VAULT = (IssuanceState.SENDING, IssuanceState.PROCESSING, IssuanceState.FAILED)
#: Where something waits for somebody, by the step.
_TROUBLED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "deliveries": frozenset({DeliveryState.DEAD, DeliveryState.QUARANTINED}),
        "completions": frozenset({CompletionState.HELD}),
        "issuances": frozenset({IssuanceState.HELD}),
        "vault": frozenset({IssuanceState.FAILED}),
        "write-backs": frozenset(
            {WriteBackState.WAITING, WriteBackState.REFUSED, WriteBackState.LOST}
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the way, from delivery to gradebook."""

    name: str  #: deliveries, completions, issuances, vault, write-backs
    passed: int  #: how many in the last hour
    going: int  #: how many are on their way there
    troubled: int  #: how many wait for somebody there
    since: datetime | None  #: when the oldest of both came


def flow(bridge: Bridge) -> Sequence[Step]:
    """What passed each step in the last hour, and what is there now."""
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        passed = passing.passed(conn, since=now - HOUR, until=now + BAR)
        found = steps.unfinished(conn)
    return [_step(name, passed[name], found) for name in _TROUBLED]


def _step(name: str, passed: int, found: Sequence[Standing]) -> Step:
    here = [one for one in found if _place(one) == name]
    troubled = [one for one in here if one.state in _TROUBLED[name]]
    stuck = sum(one.count for one in troubled)
    return Step(
        name=name,
        passed=passed,
        going=sum(one.count for one in here) - stuck,
        troubled=stuck,
        since=min((one.since for one in here), default=None),
    )


def _place(one: Standing) -> str:
    return "vault" if one.step == "issuances" and one.state in _AT_VAULT else one.step


def last_hour(bridge: Bridge) -> Sequence[Bucket]:
    """Completions and certificates of the last hour, by five minutes."""
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        end = datetime.fromtimestamp((now.timestamp() // 300 + 1) * 300, tz=now.tzinfo)
        return passing.counted(conn, [end - BAR * n for n in range(int(HOUR / BAR), -1, -1)])


def last_days(bridge: Bridge) -> Sequence[Bucket]:
    """Completions and certificates of the last thirty days, by the day as it is counted here."""
    zone = ZoneInfo(bridge.settings.timezone)
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        today = now.astimezone(zone).date()
        days = [today + timedelta(days=1 - n) for n in range(DAYS, -1, -1)]
        midnights = [datetime.combine(day, time(), zone).astimezone(now.tzinfo) for day in days]
        return passing.counted(conn, midnights)


def look(bridge: Bridge, *, since: datetime | timedelta) -> dict[str, Any]:
    """Everything that `vaultbridge status` and the console's first page tell.

    ``since``: how far back completions are counted.
    """
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        start = now - since if isinstance(since, timedelta) else since
        by_site = tallies.by_site(conn, since=start)
        return {
            **_present(conn, now=now),
            "since": start,
            "completions": _tally(tallies.together(list(by_site.values()))),
            "unfinished": [asdict(one) for one in steps.unfinished(conn)],
            "sites": [_site(row, by_site.get(row.name, Tally())) for row in last_signs.sites(conn)],
            "issuers": [_issuer(row) for row in last_signs.issuers(conn)],
        }


def present(bridge: Bridge) -> dict[str, Any]:
    """Of all that, what may be asked every few seconds: nothing that is over is counted."""
    with bridge.database.read() as conn:
        return _present(conn, now=bridge.database.now(conn))


def _present(conn: sa.Connection, *, now: datetime) -> dict[str, Any]:
    found = matters(conn)
    alive = {one.name for one in heartbeat.signs(conn, process, now=now) if one.is_alive}
    return {
        "at": now,
        "needs_a_person": [asdict(one) for one in found if one.waits_for_a_person],
        "waits_by_itself": [asdict(one) for one in found if not one.waits_for_a_person],
        "queues": {bell: asdict(one) for bell, one in queue.waiting(conn, now=now).items()},
        "processes_missing": [command for name, command in LIVING.items() if name not in alive],
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "sentence": sentence(tally),
        "completed": tally.completed,
        "certified": tally.certified,
        "waiting": _reasons(tally.waiting),
        "not_to_be_certified": _reasons(tally.left),
        "oldest_waiting": tally.oldest,
    }


def _reasons(causes: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"count": number, "cause": cause, "means": means}
        for number, cause, means in reasons(causes)
    ]


def _site(row: sa.Row[Any], tally: Tally) -> dict[str, Any]:
    return {
        "name": row.name,
        "connector": row.connector,
        "last_delivery": row.last_delivery,
        "last_write_back": row.last_written,
        "left_alone_until": row.left_alone_until,
        "unsure_since": row.unsure_since,
        "problem": row.problem,
        "remedy": row.remedy,
        "completed": tally.completed,
        "certified": tally.certified,
        "waiting": tally.waits,
    }


def _issuer(row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "name": row.name,
        "vault_url": row.vault_url,
        "last_certificate": row.last_certificate,
        "paused_at": row.paused_at,
        "left_alone_until": row.left_alone_until,
        "problem": row.problem,
        "remedy": row.remedy,
    }
