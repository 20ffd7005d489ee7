"""Purge what was kept long enough: raw deliveries, what calls were answered, files, API answers.

By the clock, in small batches, and never what something unfinished still needs. What remains says
that it was purged, and after how long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.store import api_requests, deliveries, events
from bridge.store.ids import before
from bridge.store.states import DeliveryState, IssuanceState
from bridge.store.tables import attempt, delivery, file, issuance
from runtime.crashpoint import crashpoint

EVERY = timedelta(minutes=10)
BATCH = 100
#: So many batches of a kind in a round: the rest has time.
MOST = 50
#: At their end; nothing more is sent or printed for them.
_ENDED = (IssuanceState.GENERATED, IssuanceState.CANCELLED, IssuanceState.ERASED)

log = structlog.get_logger()

Rows = Sequence[Any]


def why(days: int) -> str:
    """What stands in the place of what was purged."""
    return f"purged after {days} days"


@dataclass(kw_only=True)
class Purger:
    """Purges in rounds; each goes on after the last row that the one before looked at."""

    bridge: Bridge
    _after: dict[str, Any] = field(default_factory=dict)

    def round(self) -> None:
        """Purge what is due by now."""
        settings = self.bridge.settings
        for name, days, batch in (
            ("deliveries", settings.keep_deliveries_days, _deliveries),
            ("answers", settings.keep_answers_days, _answers),
            ("files", settings.keep_files_days, _files),
        ):
            if days:
                self._kind(name, days, batch)
        with self.bridge.database.write() as conn:
            api_requests.forget_expired(conn, now=self.bridge.database.now(conn))

    def _kind(self, name: str, days: int, batch: _Batch) -> None:
        purged = 0
        for _ in range(MOST):
            with self.bridge.database.write() as conn:
                now = self.bridge.database.now(conn)
                rows = batch(conn, self._after.get(name), days, now)
                crashpoint("purge.purging")
            crashpoint("purge.purged")
            if not rows:
                break
            self._after[name] = rows[-1].id
            purged += len(rows)
        if purged:
            log.info("purged", what=name, rows=purged, days=days)


_Batch = Callable[[sa.Connection, Any, int, datetime], Rows]


def _deliveries(conn: sa.Connection, after: str | None, days: int, now: datetime) -> Rows:
    rows = conn.execute(
        sa.select(delivery.c.id)
        .where(
            delivery.c.id > (after or ""),
            delivery.c.id < before("dl", now - timedelta(days=days)),
            # A person may still read anew what could not be read.
            delivery.c.state == DeliveryState.NORMALISED,
            delivery.c.request.not_like(f"{deliveries.BLANK}%"),
        )
        .order_by(delivery.c.id)
        .limit(BATCH)
    ).all()
    deliveries.blank(conn, [row.id for row in rows], why(days))
    return rows


def _answers(conn: sa.Connection, after: int | None, days: int, now: datetime) -> Rows:
    rows = conn.execute(
        sa.select(attempt.c.id)
        .join(issuance, issuance.c.id == attempt.c.issuance_id)
        .where(
            attempt.c.id > (after or 0),
            attempt.c.sent_at < now - timedelta(days=days),
            attempt.c.detail.is_not(None),
            attempt.c.detail != why(days),
            issuance.c.state.in_(_ENDED),
        )
        .order_by(attempt.c.id)
        .limit(BATCH)
    ).all()
    gone = sa.update(attempt).where(attempt.c.id.in_([row.id for row in rows]))
    conn.execute(gone.values(detail=why(days)))
    return rows


def _files(conn: sa.Connection, after: str | None, days: int, now: datetime) -> Rows:
    rows = conn.execute(
        sa.select(issuance.c.id, issuance.c.file_sha256)
        .where(
            issuance.c.id > (after or ""),
            issuance.c.id < before("is", now - timedelta(days=days)),
            issuance.c.updated_at < now - timedelta(days=days),
            issuance.c.file_sha256.is_not(None),
            issuance.c.state.in_(_ENDED),
        )
        .order_by(issuance.c.id)
        .limit(BATCH)
    ).all()
    if not rows:
        return rows
    theirs = issuance.c.id.in_([row.id for row in rows])
    conn.execute(sa.update(issuance).where(theirs).values(file_sha256=None))
    for row in rows:
        said = f"{why(days)}; its SHA-256 was {row.file_sha256}"
        events.record(conn, row.id, "file purged", at=now, detail=said)
    hashes = [row.file_sha256 for row in rows]
    used = conn.execute(
        sa.select(issuance.c.file_sha256).where(issuance.c.file_sha256.in_(hashes)).distinct()
    ).scalars()
    free = set(hashes) - set(used)
    conn.execute(sa.delete(file).where(file.c.sha256.in_(free)))
    return rows
