"""Send one issuance by single upload: attempt row, call, outcome, each committed in turn."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import account as accounts
from bridge.pipeline import endings, guard, trail
from bridge.pipeline.account import Account
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.endings import PAUSED
from bridge.pipeline.files import Ready
from bridge.store.tables import issuance
from bridge.vault_client import (
    Accepted,
    Ambiguous,
    Answer,
    Duplicate,
    Entry,
    NotDone,
    Refused,
    Unauthorised,
)
from runtime.crashpoint import crashpoint
from runtime.lease import lease_of, release

log = structlog.get_logger()


def send(bridge: Bridge, account: Account, ready: Ready) -> None:
    """Send it once. Raises LeaseLost."""
    row = ready.row
    entry = Entry(
        certificate_title=row.certificate_title,
        full_name=row.full_name,
        applicant_email=row.applicant_email,
        issue_date=row.issue_date.isoformat(),
        details=row.details,
        content=ready.content,
    )
    in_time = guard.in_time(bridge.settings.lease - bridge.settings.vault_deadline)
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        number = endings.intend(
            bridge, conn, row, "upload", request_sha256=digest(row, ready.content), now=now
        )
        crashpoint("single.intending")
    crashpoint("single.intended")
    answer = account.vault.upload(entry) if in_time() else PAUSED
    crashpoint("single.sent")
    _conclude(bridge, account, row, number, answer)


def digest(row: sa.Row[Any], content: bytes) -> str:
    """What was sent, as one hash."""
    date = row.issue_date.isoformat()
    parts = [row.certificate_title, row.full_name, row.applicant_email, date, row.details]
    return hashlib.sha256("\n".join(parts).encode() + hashlib.sha256(content).digest()).hexdigest()


def _conclude(
    bridge: Bridge, account: Account, row: sa.Row[Any], number: int, answer: Answer
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        # Whoever holds the row by now: what is known of a call is not forgotten.
        endings.note(conn, number, answer, now=now)
        accounts.heard(bridge, conn, account, [answer], now=now)
        with endings.unless_lost(conn, row):
            _settle(bridge, conn, row, answer, now=now)
        crashpoint("single.concluding")
    crashpoint("single.concluded")
    log.info("sent", **trail.of(row), outcome=type(answer).__name__)


def _settle(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    answer: Answer,
    *,
    now: datetime,
) -> None:
    match answer:
        case Accepted(certificate=certificate):
            what = "accepted by the vault"
            endings.taken(bridge, conn, row, certificate, what=what, now=now)
        case NotDone():
            endings.left_alone(conn, row, answer, now=now)
        case Unauthorised():
            endings.unauthorised(bridge, conn, row, answer, now=now)
        case Refused():
            endings.refused(conn, row, answer, now=now)
        case Duplicate():
            # Ours from a lost answer, or somebody else's: look at once.
            release(conn, issuance, lease_of(row), next_run_at=now, updated_at=now)
        case Ambiguous(message=problem):
            endings.unsure(bridge, conn, row, problem, now=now)
