"""Print the certificates that wait together for a person, who wants to see what is released."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import account as accounts
from bridge.pipeline import endings, files, holding
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug
from bridge.pipeline.files import Ready
from bridge.pipeline.guard import poisoned
from bridge.store import accounts as account_rows
from bridge.store import holds, issuances
from bridge.store.states import IssuanceState
from bridge.store.tables import issuance
from bridge.store.troubles import troubled
from runtime.crashpoint import crashpoint
from runtime.lease import claim, lease_of, release

STEP = "proofs"
BATCH = 100


def run(bridge: Bridge) -> bool:
    """Print a batch for each issuer; say whether there may be more."""
    found = accounts.having(bridge, issuances.printable)
    for issuer_id in found:
        _batch(bridge, issuer_id)
    return bool(found)


def _batch(bridge: Bridge, issuer_id: str) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        rows = claim(
            conn,
            issuance,
            where=sa.and_(issuances.printable(now), issuance.c.issuer_id == issuer_id),
            owner=bridge.owner,
            now=now,
            lease=bridge.settings.lease,
            limit=BATCH,
        )
    if rows:
        crashpoint("proofs.claimed")
        with poisoned(STEP, issuer_id, partial(_apart, bridge, rows)):
            _print(bridge, rows)


def _apart(bridge: Bridge, rows: Sequence[sa.Row[Any]], _name: str) -> None:
    """One of them spoils the batch: each by itself."""
    for row in rows:
        with poisoned(STEP, row.id, partial(_not_printed, bridge, row)):
            _print(bridge, [row])


def _not_printed(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    with bridge.database.write() as conn:
        endings.stop(
            conn,
            row,
            IssuanceState.HELD,
            cause=bug(endings.ISSUE, name),
            problem=f"Printing it failed with {name}, which is a fault in the program.",
            remedy="Report it with the log's trace; after an upgrade, `vaultbridge replay` it.",
            now=bridge.database.now(conn),
        )


def _print(bridge: Bridge, rows: Sequence[sa.Row[Any]]) -> None:
    with bridge.database.read() as conn:
        issuer = account_rows.issuer_by_id(conn, rows[0].issuer_id)
    for printed in files.ready(bridge, rows, issuer):
        _keep(bridge, printed)


def _keep(bridge: Bridge, printed: Sequence[Ready]) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        known = holds.of(conn, {ready.row.hold_id for ready in printed})
        for ready in printed:
            with endings.unless_lost(conn, ready.row):
                _printed(conn, ready.row, known[ready.row.hold_id], now=now)
        crashpoint("proofs.keeping")
    crashpoint("proofs.kept")


def _printed(conn: sa.Connection, row: sa.Row[Any], hold: sa.Row[Any], *, now: datetime) -> None:
    """It waits for nothing but the person, also where it could not be printed before."""
    waits = troubled(row, now=now, **holding.said(hold))
    release(conn, issuance, lease_of(row), next_run_at=None, tries=0, updated_at=now, **waits)
