"""Send an issuance to its vault, once: file, attempt row, call, outcome, each committed in turn.

An attempt without an outcome is ambiguous for ever, whoever finds it: then the vault is asked,
after a quiet period and twice, before anything is sent again. What is found there is adopted only
with proof that it is ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.certificates.page import RenderError
from bridge.pipeline import pages
from bridge.pipeline.adopt import Found, look
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.guard import poisoned
from bridge.store import accounts, events, issuances
from bridge.store.states import AttemptOutcome, IssuanceState
from bridge.store.tables import issuance
from bridge.vault_client import (
    Accepted,
    Ambiguous,
    Answer,
    Duplicate,
    Entry,
    Forbidden,
    NotDone,
    Refused,
    Unauthorised,
    Unavailable,
    VaultCertificate,
)
from runtime.lease import claim, lease_of, release, save

BATCH = 8
#: How often the vault is asked about an ambiguous attempt before the entry is sent again.
LOOKS = 2
MOST_BUG_TRIES = 3

log = structlog.get_logger()


def run(bridge: Bridge) -> bool:
    """Work on a batch of issuances that are due; say whether there may be more."""
    with bridge.database.write() as conn:
        rows = claim(
            conn,
            issuance,
            where=issuances.sendable(),
            owner=bridge.owner,
            now=bridge.database.now(conn),
            lease=bridge.settings.lease,
            limit=BATCH,
        )
    for row in rows:
        with poisoned("issue", row.id, partial(_move_on, bridge, row)):
            _one(bridge, row)
    return len(rows) == BATCH


def _one(bridge: Bridge, row: sa.Row[Any]) -> None:
    with bridge.database.read() as conn:
        issuer = accounts.issuer_by_id(conn, row.issuer_id)
        past = [a for a in issuances.attempts(conn, row.id) if a.natural_key == row.natural_key]
    open_ones = [a for a in past if a.outcome in (None, AttemptOutcome.AMBIGUOUS)]
    duplicate = any(a.outcome == AttemptOutcome.DUPLICATE for a in past)
    if (open_ones and row.looks < LOOKS) or duplicate:
        _look_first(bridge, row, issuer, past, duplicate=duplicate)
        return
    content = _file(bridge, row, issuer)
    if content is not None:
        _send(bridge, row, issuer, content)


def _file(bridge: Bridge, row: sa.Row[Any], issuer: sa.Row[Any]) -> bytes | None:
    """The frozen file; made and frozen if it does not exist. None if it cannot be printed."""
    if row.file_sha256 is not None:
        with bridge.database.read() as conn:
            return issuances.file_content(conn, row.file_sha256)
    try:
        content = bridge.renderer.render(pages.page_of(row, issuer))
    except RenderError as exc:
        _stop(bridge, row, IssuanceState.HELD, problem=exc.problem, remedy=exc.remedy)
        return None
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        sha256 = issuances.keep_file(conn, content, now=now)
        save(conn, issuance, lease_of(row), file_sha256=sha256, updated_at=now)
        events.record(conn, row.id, "file made", at=now, detail=f"sha256 {sha256}")
    return content


def _send(bridge: Bridge, row: sa.Row[Any], issuer: sa.Row[Any], content: bytes) -> None:
    entry = Entry(
        certificate_title=row.certificate_title,
        full_name=row.full_name,
        applicant_email=row.applicant_email,
        issue_date=row.issue_date.isoformat(),
        details=row.details,
        content=content,
    )
    number = _intend(bridge, row, entry)
    if number is None:
        return
    answer = bridge.vault_of(issuer).upload(entry)
    _conclude(bridge, row, issuer, number, answer)


def _intend(bridge: Bridge, row: sa.Row[Any], entry: Entry) -> int | None:
    """Write the call down before it is made. None if the lease is too short to make it."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        deadline = now + bridge.settings.vault_deadline
        if row.lease_until <= deadline:
            release(conn, issuance, lease_of(row), next_run_at=now)
            return None
        save(
            conn,
            issuance,
            lease_of(row),
            state=IssuanceState.SENDING,
            looks=0,
            updated_at=now,
        )
        return issuances.begin_attempt(
            conn,
            row.id,
            "upload",
            fence=row.fence,
            natural_key=row.natural_key,
            request_sha256=_digest(entry),
            now=now,
            deadline=deadline,
        )


def _digest(entry: Entry) -> str:
    parts = [entry.certificate_title, entry.full_name, entry.applicant_email, entry.issue_date]
    told = "\n".join([*parts, entry.details]).encode()
    return hashlib.sha256(told + hashlib.sha256(entry.content).digest()).hexdigest()


def _conclude(
    bridge: Bridge, row: sa.Row[Any], issuer: sa.Row[Any], number: int, answer: Answer
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        _note(conn, number, answer, now=now)
        match answer:
            case Accepted(certificate=certificate):
                take(bridge, conn, row, certificate, what="accepted by the vault", now=now)
            case NotDone(retry_after=wait):
                _again(bridge, conn, row, answer.message, now=now, at_least=wait)
            case Unauthorised():
                _pause(conn, issuer, answer.message, answer.remedy, now=now)
                _again(bridge, conn, row, answer.message, now=now)
            case Refused():
                _end(
                    conn,
                    row,
                    IssuanceState.FAILED,
                    problem=f"The vault refuses it: {answer.message}",
                    remedy="Mend the mapping or the data in the LMS, then `vaultbridge replay` it.",
                    now=now,
                )
            case Duplicate():
                # Ours from a lost answer, or somebody else's: look at once.
                release(conn, issuance, lease_of(row), next_run_at=now, updated_at=now)
            case Ambiguous():
                quiet = now + bridge.settings.quiet_period
                release(conn, issuance, lease_of(row), next_run_at=quiet, updated_at=now)
                events.record(conn, row.id, "answer lost", at=now, detail=answer.message)
    log.info("sent", issuance_id=row.id, outcome=type(answer).__name__)
    if isinstance(answer, Duplicate):
        bridge.ring("issue")


_OUTCOMES: dict[type[Any], AttemptOutcome] = {
    Accepted: AttemptOutcome.DONE,
    NotDone: AttemptOutcome.NOT_SENT,
    Unauthorised: AttemptOutcome.NOT_SENT,
    Refused: AttemptOutcome.REFUSED,
    Duplicate: AttemptOutcome.DUPLICATE,
    Ambiguous: AttemptOutcome.AMBIGUOUS,
}


def _note(conn: sa.Connection, number: int, answer: Answer, *, now: datetime) -> None:
    detail = None if isinstance(answer, Accepted) else answer.message
    issuances.end_attempt(
        conn,
        number,
        outcome=_OUTCOMES[type(answer)],
        status_code=answer.status_code,
        detail=detail,
        now=now,
    )


def take(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    certificate: VaultCertificate,
    *,
    what: str,
    now: datetime,
) -> None:
    """The vault has our certificate: from now on it is followed."""
    release(
        conn,
        issuance,
        lease_of(row),
        next_run_at=now + bridge.settings.poll_first,
        state=IssuanceState.PROCESSING,
        vault_uuid=certificate.uuid,
        reference_id=certificate.reference_id,
        vault_status=certificate.status,
        problem=None,
        remedy=None,
        tries=0,
        updated_at=now,
    )
    events.record(conn, row.id, what, at=now, detail=certificate.reference_id)


def _look_first(
    bridge: Bridge,
    row: sa.Row[Any],
    issuer: sa.Row[Any],
    past: Sequence[sa.Row[Any]],
    *,
    duplicate: bool,
) -> None:
    """Ask the vault what became of earlier attempts; adopt, hold, look again, or free to send."""
    uploads = [a for a in past if a.operation == "upload"]
    if not duplicate and _still_noisy(bridge, row, uploads):
        return
    try:
        found = look(bridge.vault_of(issuer), row, since=min(a.sent_at for a in uploads))
    except Forbidden as exc:
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            _pause(conn, issuer, str(exc), exc.remedy, now=now)
            _again(bridge, conn, row, str(exc), now=now)
    except Unavailable as exc:
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            _again(bridge, conn, row, str(exc), now=now, at_least=exc.retry_after)
    else:
        _after_look(bridge, row, found, duplicate=duplicate)


def _still_noisy(bridge: Bridge, row: sa.Row[Any], uploads: Sequence[sa.Row[Any]]) -> bool:
    """Whether the vault could still be working on an earlier request; then wait."""
    last = max(a.answered_at or a.deadline for a in uploads)
    with bridge.database.write() as conn:
        quiet = last + bridge.settings.quiet_period * (row.looks + 1)
        if bridge.database.now(conn) >= quiet:
            return False
        release(conn, issuance, lease_of(row), next_run_at=quiet)
        return True


def _after_look(bridge: Bridge, row: sa.Row[Any], found: Found, *, duplicate: bool) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if found.ours is not None:
            take(bridge, conn, row, found.ours, what="adopted from the vault", now=now)
        elif found.foreign is not None:
            _end(
                conn,
                row,
                IssuanceState.HELD,
                problem="The vault holds a certificate with this e-mail, title and issue date "
                f"({found.foreign.reference_id or found.foreign.uuid}) that is not ours.",
                remedy="Compare the two. To issue ours too, change the title in the mapping; "
                "otherwise leave this held.",
                now=now,
            )
        elif duplicate:
            _end(
                conn,
                row,
                IssuanceState.HELD,
                problem="The vault says that such a certificate exists, but does not list it.",
                remedy="Ask the vault's operator what it holds for this e-mail address, then "
                "`vaultbridge replay` this id.",
                now=now,
            )
        else:
            release(
                conn,
                issuance,
                lease_of(row),
                next_run_at=now,
                looks=row.looks + 1,
                updated_at=now,
            )
            events.record(conn, row.id, "not found at the vault", at=now)
    bridge.ring("issue")


def _again(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    problem: str,
    *,
    now: datetime,
    at_least: timedelta | None = None,
) -> None:
    tries = row.tries + 1
    release(
        conn,
        issuance,
        lease_of(row),
        next_run_at=now + bridge.backoff.wait(tries, at_least=at_least),
        tries=tries,
        problem=problem,
        remedy="Nothing: it is tried again by itself.",
        updated_at=now,
    )


def _pause(
    conn: sa.Connection, issuer: sa.Row[Any], problem: str, remedy: str, *, now: datetime
) -> None:
    accounts.note_trouble(
        conn, issuer.id, kind="issuer", problem=problem, remedy=remedy, paused_at=now
    )
    events.record(conn, issuer.id, "paused", at=now, detail=problem)
    log.error("issuer_paused", issuer=issuer.name, reason=problem, remedy=remedy)


def _stop(
    bridge: Bridge, row: sa.Row[Any], state: IssuanceState, *, problem: str, remedy: str
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        _end(conn, row, state, problem=problem, remedy=remedy, now=now)


def _end(
    conn: sa.Connection,
    row: sa.Row[Any],
    state: IssuanceState,
    *,
    problem: str,
    remedy: str,
    now: datetime,
) -> None:
    release(
        conn,
        issuance,
        lease_of(row),
        next_run_at=None,
        state=state,
        problem=problem,
        remedy=remedy,
        updated_at=now,
    )
    events.record(conn, row.id, state.value, at=now, detail=problem)
    log.warning("issuance_stopped", issuance_id=row.id, outcome=state.value)


def _move_on(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        problem = f"Sending it failed with {name}, which is a fault in the program."
        if row.tries + 1 < MOST_BUG_TRIES:
            _again(bridge, conn, row, problem, now=now)
        else:
            remedy = "Report it with the log's trace; after an upgrade, `vaultbridge replay` it."
            _end(conn, row, IssuanceState.HELD, problem=problem, remedy=remedy, now=now)
