"""How everything stands: what needs a person first, tallies, sites, issuers, queues, processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge import queue
from bridge.pipeline.attention import matters
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.tally_text import reasons, sentence
from bridge.processes import LIVING
from bridge.store import last_signs, steps, tallies
from bridge.store.tables import process
from bridge.store.tallies import Tally
from runtime import heartbeat


def look(bridge: Bridge, *, since: datetime | timedelta) -> dict[str, Any]:
    """Everything that `vaultbridge status` and the console's first page tell.

    ``since``: how far back completions are counted.
    """
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        start = now - since if isinstance(since, timedelta) else since
        found = matters(conn)
        by_site = tallies.by_site(conn, since=start)
        alive = {one.name for one in heartbeat.signs(conn, process, now=now) if one.is_alive}
        return {
            "at": now,
            "since": start,
            "needs_a_person": [asdict(one) for one in found if one.waits_for_a_person],
            "waits_by_itself": [asdict(one) for one in found if not one.waits_for_a_person],
            "completions": _tally(tallies.together(list(by_site.values()))),
            "unfinished": [asdict(one) for one in steps.unfinished(conn)],
            "sites": [_site(row, by_site.get(row.name, Tally())) for row in last_signs.sites(conn)],
            "issuers": [_issuer(row) for row in last_signs.issuers(conn)],
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
