"""Completions that nobody told us, where the hook turned deliveries away in the same hours.

Nothing is kept of a delivery that proves nothing, so which one it told of cannot be said; how many
there were can. Where they are enough for all that is missing, they are named as the cause.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.reconcile.causes import NEVER_TOLD, TURNED_AWAY
from bridge.pipeline.reconcile.work import Work
from bridge.store import deliveries, differences

BATCH = 500
HOUR = timedelta(hours=1)


def name(work: Work) -> None:
    """Say of the missing completions what the hook turned away when they were due."""
    with work.bridge.database.read() as conn:
        refused = deliveries.refused_by_hour(conn, work.site.name, since=work.run.since - HOUR)
    if not refused:
        return
    by_hour = _missing_by_hour(work)
    for hour, rows in by_hour.items():
        # The event may come in the next hour, with the LMS's own clockwork.
        count = refused.get(hour, 0) + refused.get(hour + HOUR, 0)
        if count:
            _say(work, rows, count, all_of_them=count >= len(rows))


def _missing_by_hour(work: Work) -> dict[datetime, list[sa.Row[Any]]]:
    found: dict[datetime, list[sa.Row[Any]]] = defaultdict(list)
    after = ""
    while True:
        with work.bridge.database.read() as conn:
            rows = differences.open_in(
                conn,
                site_id=work.site.id,
                run_id=work.run.id,
                causes=(NEVER_TOLD,),
                after=after,
                limit=BATCH,
            )
        for row in rows:
            found[row.at.replace(minute=0, second=0, microsecond=0)].append(row)
        if len(rows) < BATCH:
            return found
        after = rows[-1].id


def _say(work: Work, rows: list[sa.Row[Any]], count: int, *, all_of_them: bool) -> None:
    said = (
        f"In that hour and the next the hook turned away {count} "
        f"{'delivery' if count == 1 else 'deliveries'} that did not prove to come from this site."
    )
    remedy = (
        f"Compare the secret in the LMS with the site's: `vaultbridge site show {work.site.name}` "
        "tells what was refused, `vaultbridge site rotate` takes a new one. "
    )
    with work.write() as (conn, _):
        for row in rows:
            differences.change(
                conn,
                row.id,
                cause=TURNED_AWAY if all_of_them else NEVER_TOLD,
                problem=f"{row.problem} {said}",
                remedy=remedy + row.remedy,
            )
