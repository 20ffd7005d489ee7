"""Follow what the vault is processing, a list page at a time, until it is generated or failed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.guard import poisoned
from bridge.store import accounts, events, issuances, links, write_backs
from bridge.store.states import AttemptOutcome, IssuanceState
from bridge.store.tables import issuance
from bridge.vault_client import (
    Accepted,
    Ambiguous,
    Forbidden,
    NotDone,
    Unauthorised,
    Unavailable,
    VaultCertificate,
    VaultClient,
)
from runtime.lease import LeaseLost, claim, lease_of, release, save
from runtime.retry import Backoff

BATCH = 100
#: Beyond these pages a certificate is asked for by itself.
MOST_PAGES = 5
MOST_VAULT_RETRIES = 3

log = structlog.get_logger()


def run(bridge: Bridge) -> bool:
    """Ask about a batch of issuances that are due; say whether there may be more."""
    with bridge.database.write() as conn:
        rows = claim(
            conn,
            issuance,
            where=issuances.followable(),
            owner=bridge.owner,
            now=bridge.database.now(conn),
            lease=bridge.settings.lease,
            limit=BATCH,
        )
    by_issuer = sorted(rows, key=lambda row: row.issuer_id)
    for issuer_id, group in groupby(by_issuer, key=lambda row: row.issuer_id):
        _follow(bridge, issuer_id, list(group))
    return len(rows) == BATCH


def _follow(bridge: Bridge, issuer_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    vault = bridge.vault_for(issuer_id)
    try:
        told = _told(vault, rows)
    except Forbidden as exc:
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            accounts.note_trouble(
                conn,
                issuer_id,
                kind="issuer",
                problem=str(exc),
                remedy=exc.remedy,
                paused_at=now,
            )
        _later(bridge, rows, str(exc))
        return
    except Unavailable as exc:
        _later(bridge, rows, str(exc))
        return
    for row in rows:
        with poisoned("follow", row.id, partial(_later, bridge, [row])):
            _apply(bridge, vault, row, told.get(row.vault_uuid))


def _told(vault: VaultClient, rows: Sequence[sa.Row[Any]]) -> dict[str, VaultCertificate]:
    """What the vault says of each, by uuid: by list pages, the rest one by one."""
    wanted = {row.vault_uuid for row in rows}
    told: dict[str, VaultCertificate] = {}
    for number in range(1, MOST_PAGES + 1):
        page, more = vault.page(number)
        told |= {item.uuid: item for item in page if item.uuid in wanted}
        if not more or len(told) == len(wanted):
            break
    for uuid in wanted - told.keys():
        if (single := vault.view(uuid)) is not None:
            told[uuid] = single
    return told


def _apply(
    bridge: Bridge, vault: VaultClient, row: sa.Row[Any], told: VaultCertificate | None
) -> None:
    if told is None:
        _later(bridge, [row], "The vault no longer lists this certificate.")
    elif told.status == "generated":
        _generated(bridge, vault, row, told)
    elif told.status == "failed":
        _failed(bridge, vault, row, told)
    elif told.status == "revoked":
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            _end(
                conn,
                row,
                IssuanceState.CANCELLED,
                problem="The certificate was revoked at the vault.",
                remedy="Nothing, if that was meant; otherwise ask the vault's operator.",
                now=now,
                vault_status=told.status,
            )
    else:
        _later(bridge, [row], None, told)


def _generated(
    bridge: Bridge, vault: VaultClient, row: sa.Row[Any], told: VaultCertificate
) -> None:
    whole = vault.view(told.uuid) or told
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        release(
            conn,
            issuance,
            lease_of(row),
            next_run_at=None,
            state=IssuanceState.GENERATED,
            reference_id=whole.reference_id or row.reference_id,
            vault_status=whole.status,
            verification_url=whole.verification_url,
            problem=None,
            remedy=None,
            tries=0,
            updated_at=now,
            generated_at=now,
        )
        events.record(conn, row.id, "generated", at=now, detail=whole.reference_id)
        links.live_link(conn, row.id, now=now)
        if row.writes_back:
            write_backs.make_due(
                conn,
                site_id=row.site_id,
                course_id=row.course_id,
                learner_id=row.learner_id,
                now=now,
            )
    log.info("generated", issuance_id=row.id)
    bridge.ring("write_back")


def _failed(bridge: Bridge, vault: VaultClient, row: sa.Row[Any], told: VaultCertificate) -> None:
    """A failed certificate keeps its key at the vault: it is retried there, never made anew."""
    reason = told.reason or "without a reason"
    if row.vault_retries >= MOST_VAULT_RETRIES:
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            _end(
                conn,
                row,
                IssuanceState.FAILED,
                problem=f"The vault failed to process it {row.vault_retries + 1} times: {reason}",
                remedy="Ask the vault's operator; when it is mended, `vaultbridge replay` this id.",
                now=now,
            )
        return
    number = _intend_retry(bridge, row)
    answer = vault.retry(row.vault_uuid)
    outcome = {
        Accepted: AttemptOutcome.DONE,
        NotDone: AttemptOutcome.NOT_SENT,
        Unauthorised: AttemptOutcome.NOT_SENT,
        Ambiguous: AttemptOutcome.AMBIGUOUS,
    }.get(type(answer), AttemptOutcome.REFUSED)
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        issuances.end_attempt(
            conn,
            number,
            # "Not failed" (400) is good news: it is being processed. Either way the list tells.
            outcome=outcome,
            status_code=answer.status_code,
            detail=None if isinstance(answer, Accepted) else answer.message,
            now=now,
        )
        release(
            conn,
            issuance,
            lease_of(row),
            next_run_at=now + _waits(bridge).wait(row.vault_retries + 1),
            vault_retries=row.vault_retries + (0 if isinstance(answer, NotDone) else 1),
            vault_status=told.status,
            updated_at=now,
        )
        events.record(conn, row.id, "retried at the vault", at=now, detail=reason)


def _intend_retry(bridge: Bridge, row: sa.Row[Any]) -> int:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        save(conn, issuance, lease_of(row), updated_at=now)
        return issuances.begin_attempt(
            conn,
            row.id,
            "retry",
            fence=row.fence,
            natural_key=row.natural_key,
            request_sha256="",
            now=now,
            deadline=now + bridge.settings.vault_deadline,
        )


def _waits(bridge: Bridge) -> Backoff:
    return Backoff(first=bridge.settings.poll_first, longest=bridge.settings.poll_longest)


def _later(
    bridge: Bridge,
    rows: Sequence[sa.Row[Any]],
    problem: str | None,
    told: VaultCertificate | None = None,
) -> None:
    """Ask again, each time a little later."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for row in rows:
            tries = row.tries + 1
            with suppress(LeaseLost):
                release(
                    conn,
                    issuance,
                    lease_of(row),
                    next_run_at=now + _waits(bridge).wait(tries),
                    tries=tries,
                    vault_status=told.status if told else row.vault_status,
                    problem=problem,
                    remedy=None if problem is None else "Nothing: it is asked again by itself.",
                    updated_at=now,
                )


def _end(
    conn: sa.Connection,
    row: sa.Row[Any],
    state: IssuanceState,
    *,
    problem: str,
    remedy: str,
    now: datetime,
    **values: object,
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
        **values,
    )
    events.record(conn, row.id, state.value, at=now, detail=problem)
