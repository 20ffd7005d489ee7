"""Send an issuance to its vault, once: file, attempt row, call, outcome, each committed in turn.

An attempt without an outcome is ambiguous for ever, whoever finds it: then the vault is asked,
after a quiet period and twice, before anything is sent again (see `bridge.pipeline.adopt`).
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.certificates.page import RenderError
from bridge.pipeline import adopt, endings, pages
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug, cause_of
from bridge.pipeline.guard import poisoned
from bridge.store import accounts, events, issuances
from bridge.store.states import IssuanceState
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
from runtime.lease import claim, lease_of, release, save

STEP = "issue"
BATCH = 8
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
        with poisoned(STEP, row.id, partial(_move_on, bridge, row)):
            _one(bridge, row)
    return len(rows) == BATCH


def _one(bridge: Bridge, row: sa.Row[Any]) -> None:
    with bridge.database.read() as conn:
        issuer = accounts.issuer_by_id(conn, row.issuer_id)
        made = issuances.attempts(conn, row.id)
    past = [a for a in made if a.operation == "upload" and a.natural_key == row.natural_key]
    if issuer.paused_at is not None:  # by a neighbour of the same batch
        with bridge.database.write() as conn:
            release(conn, issuance, lease_of(row), next_run_at=row.next_run_at)
    elif adopt.must_look(row, past):
        adopt.look_first(bridge, row, issuer, past)
    else:
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
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            endings.stop(
                conn,
                row,
                IssuanceState.HELD,
                cause=cause_of(STEP, exc),
                problem=exc.problem,
                remedy=exc.remedy,
                now=now,
            )
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
    vault = bridge.vault_of(issuer)
    number = _intend(bridge, row, entry)
    if number is not None:
        _conclude(bridge, row, issuer, number, vault.upload(entry))


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
        endings.note(conn, number, answer, now=now)
        match answer:
            case Accepted(certificate=certificate):
                what = "accepted by the vault"
                endings.taken(bridge, conn, row, certificate, what=what, now=now)
            case NotDone(message=problem, retry_after=wait):
                cause = cause_of(STEP, answer)
                endings.again(bridge, conn, row, problem, cause=cause, now=now, at_least=wait)
            case Unauthorised(message=problem, remedy=remedy):
                endings.pause(conn, issuer, problem, remedy, now=now)
                cause = cause_of(STEP, answer)
                endings.again(bridge, conn, row, problem, cause=cause, now=now, remedy=remedy)
            case Refused(message=problem):
                endings.stop(
                    conn,
                    row,
                    IssuanceState.FAILED,
                    cause=cause_of(STEP, answer),
                    problem=f"The vault refuses it: {problem}",
                    remedy="Mend the mapping or the data in the LMS, then `vaultbridge replay` it.",
                    now=now,
                )
            case Duplicate():
                # Ours from a lost answer, or somebody else's: look at once.
                release(conn, issuance, lease_of(row), next_run_at=now, updated_at=now)
            case Ambiguous(message=problem):
                quiet = now + bridge.settings.quiet_period
                release(conn, issuance, lease_of(row), next_run_at=quiet, updated_at=now)
                events.record(conn, row.id, "answer lost", at=now, detail=problem)
    log.info("sent", issuance_id=row.id, outcome=type(answer).__name__)
    bridge.ring("follow" if isinstance(answer, Accepted) else "issue")


def _move_on(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    problem = f"Sending it failed with {name}, which is a fault in the program."
    remedy = "Report it with the log's trace; after an upgrade, `vaultbridge replay` it."
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if row.tries + 1 < MOST_BUG_TRIES:
            endings.again(bridge, conn, row, problem, cause=bug(STEP, name), now=now)
        else:
            endings.stop(
                conn,
                row,
                IssuanceState.HELD,
                cause=bug(STEP, name),
                problem=problem,
                remedy=remedy,
                now=now,
            )
