"""Mend what a run found: a few at a time, each in one transaction with the word that it was done.

Nothing is issued or written here. What mends sets a row going, and the steps do the rest under the
rules that they always keep.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.reconcile import causes
from bridge.pipeline.reconcile.work import Work
from bridge.store import completions, differences, events, gradebook_rows, issuances, write_backs
from bridge.store.states import DifferenceState, IssuanceState
from bridge.store.tables import issuance
from bridge.store.troubles import MENDED
from connectors.base import Completion, Course, Learner
from runtime.crashpoint import crashpoint

BATCH = 50
SET_GOING = ("normalise", "issue", "follow", "write_back")


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who mends, and in which run, for the history."""

    who: str
    run_id: str


Mend = Callable[[sa.Connection, By, sa.Row[Any], datetime], None]


def mend(work: Work) -> bool:
    """Mend a batch, if the run is to mend; say whether there is more."""
    if not work.run.fix:
        return False
    named = None if work.run.causes is None else frozenset(work.run.causes)
    mended = causes.mended_by_fix(named) & MENDERS.keys()
    with work.write() as (conn, now):
        rows = differences.open_in(
            conn, site_id=work.site.id, run_id=work.run.id, causes=mended, limit=BATCH
        )
        by = By(who=work.run.who, run_id=work.run.id)
        for row in rows:
            MENDERS[row.cause](conn, by, row, now)
        done = DifferenceState.MENDED
        differences.settle(conn, [row.id for row in rows], done, who=work.run.who, now=now)
        crashpoint("reconcile.mending")
    crashpoint("reconcile.mended")
    for bell in SET_GOING if rows else ():
        work.bridge.ring(bell)
    return len(rows) == BATCH


def is_mendable(cause: str) -> bool:
    """Whether one of this cause can be mended here, by who asks for just that one."""
    return cause in causes.mended_by_fix(frozenset({cause})) & MENDERS.keys()


def mend_one(bridge: Bridge, row_id: str, *, who: str) -> bool:
    """Mend one open difference that a person points at; False if it is none that can be mended.

    It is mended as the last run saw it: if things have changed since, what mends finds out.
    """
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        row = differences.by_id(conn, row_id)
        if row is None or not is_mendable(row.cause):
            return False
        # First, so that of two who mend it one does.
        if not differences.settle(conn, [row_id], DifferenceState.MENDED, who=who, now=now):
            return False
        MENDERS[row.cause](conn, By(who=who, run_id=row.last_run), row, now)
        events.record(
            conn,
            row_id,
            "mended",
            at=now,
            who=who,
            detail=row.cause,
            before={"state": DifferenceState.OPEN.value},
            after={"state": DifferenceState.MENDED.value},
        )
    for bell in SET_GOING:
        bridge.ring(bell)
    return True


def _note(conn: sa.Connection, by: By, subject: str, what: str, now: datetime) -> None:
    events.record(conn, subject, what, at=now, who=by.who, detail=by.run_id, act=False)


def _found(conn: sa.Connection, by: By, row: sa.Row[Any], now: datetime) -> None:
    """Take a completion up as if it had been told, at its true moment."""
    told = {name: _moment(row.data[name]) for name in ("completed_at", "noticed_at")}
    found = Completion(
        course=Course(id=row.course_id),
        learner=Learner(id=row.learner_id),
        noticed_at=told["completed_at"] or told["noticed_at"] or row.at,
        completed_at=told["completed_at"],
    )
    row_id = completions.add(conn, row.site_id, found, delivery_id=None, now=now)
    if row_id is not None:
        _note(conn, by, row_id, "found by reconciliation", now)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _adopted(conn: sa.Connection, by: By, row: sa.Row[Any], now: datetime) -> None:
    """Take the certificate that bears an issuance's mark as its own; then follow it."""
    changed = conn.execute(
        sa.update(issuance)
        .where(
            issuance.c.id == row.subject,
            issuance.c.vault_uuid.is_(None),
            issuance.c.state.in_([IssuanceState.HELD, IssuanceState.FAILED]),
        )
        .values(
            state=IssuanceState.PROCESSING,
            vault_uuid=row.data["uuid"],
            reference_id=row.reference_id,
            vault_status=row.data["status"],
            next_run_at=now,
            tries=0,
            updated_at=now,
            **MENDED,
        )
    ).rowcount
    if changed:
        _note(conn, by, row.subject, "adopted from the vault", now)


def _referred(conn: sa.Connection, by: By, row: sa.Row[Any], now: datetime) -> None:
    """Take the vault's reference id, and tell the gradebook."""
    issuances.change(conn, row.subject, now=now, reference_id=row.data["reference_id"])
    write_backs.make_due(conn, [row.subject], now=now)
    _note(conn, by, row.subject, "took the vault's reference id", now)


def _issued_again(conn: sa.Connection, by: By, row: sa.Row[Any], now: datetime) -> None:
    """Send a certificate again that its vault has lost, with its entry, file and key unchanged.

    If the vault has it after all, it refuses it as a duplicate, and ours is adopted by its mark.
    """
    changed = conn.execute(
        sa.update(issuance)
        .where(
            issuance.c.id == row.subject,
            issuance.c.state.in_([IssuanceState.PROCESSING, IssuanceState.GENERATED]),
        )
        .values(
            state=IssuanceState.READY,
            vault_uuid=None,
            reference_id=None,
            vault_status=None,
            verification_url=None,
            vault_file_id=None,
            batch_id=None,
            appear_by=None,
            vault_retries=0,
            looks=0,
            tries=0,
            next_run_at=now,
            lease_until=None,
            updated_at=now,
        )
    ).rowcount
    if changed:
        _note(conn, by, row.subject, "issued again: its vault had lost it", now)


def _told(conn: sa.Connection, by: By, row: sa.Row[Any], now: datetime) -> None:
    write_backs.make_due(conn, [row.subject], now=now)
    _note(conn, by, row.subject, "gradebook told by reconciliation", now)


def _written_again(conn: sa.Connection, by: By, row: sa.Row[Any], now: datetime) -> None:
    if gradebook_rows.write_again(conn, row.subject, now=now):
        _note(conn, by, row.subject, "written again by reconciliation", now)


MENDERS: Mapping[str, Mend] = {
    causes.NEVER_TOLD: _found,
    causes.TURNED_AWAY: _found,
    causes.NOT_ADOPTED: _adopted,
    causes.REFERENCE_DIFFERS: _referred,
    causes.MISSING_AT_VAULT: _issued_again,
    causes.GRADEBOOK_UNTOLD: _told,
    causes.GRADEBOOK_DIFFERS: _written_again,
}
