"""Follow what the vault is processing, a list page at a time, until it is generated or failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import causes, endings
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug, cause_of
from bridge.pipeline.guard import poisoned
from bridge.store import accounts, events, issuances, links, write_backs
from bridge.store.states import IssuanceState
from bridge.store.tables import issuance
from bridge.store.troubles import MENDED, troubled
from bridge.vault_client import (
    Answer,
    Forbidden,
    NotDone,
    Unauthorised,
    Unavailable,
    VaultCertificate,
    VaultClient,
    VaultError,
)
from runtime.lease import LeaseLost, claim, lease_of, release, save
from runtime.retry import Backoff

STEP = "follow"
BATCH = 100
#: Beyond these pages a certificate is asked for by itself.
MOST_PAGES = 5
MOST_VAULT_RETRIES = 3

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """An issuer, and a client for its account at the vault."""

    issuer: sa.Row[Any]
    vault: VaultClient


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
        batch = list(group)
        with poisoned(STEP, issuer_id, partial(_move_on, bridge, batch)):
            _follow(bridge, issuer_id, batch)
    return len(rows) == BATCH


def _follow(bridge: Bridge, issuer_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    with bridge.database.read() as conn:
        issuer = accounts.issuer_by_id(conn, issuer_id)
    account = _Account(issuer=issuer, vault=bridge.vault_of(issuer))
    try:
        told = _told(account.vault, rows)
    except VaultError as exc:
        _not_now(bridge, account, rows, exc)
        return
    for row in rows:
        with poisoned(STEP, row.id, partial(_move_on, bridge, [row])):
            try:
                _apply(bridge, account, row, told.get(row.vault_uuid))
            except VaultError as exc:
                _not_now(bridge, account, [row], exc)


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
    bridge: Bridge, account: _Account, row: sa.Row[Any], told: VaultCertificate | None
) -> None:
    if told is None:
        gone = causes.cause(STEP, "vault_unlisted")
        _later(bridge, [row], "The vault no longer lists this certificate.", cause=gone)
    elif told.status == "generated":
        _generated(bridge, account.vault, row, told)
    elif told.status == "failed":
        _failed(bridge, account, row, told)
    elif told.status == "revoked":
        _revoked(bridge, row)
    else:
        _later(bridge, [row], None, told=told)


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
            tries=0,
            updated_at=now,
            generated_at=now,
            **MENDED,
        )
        events.record(conn, row.id, "generated", at=now, detail=whole.reference_id)
        links.live_link(conn, row.id, now=now)
        write_backs.make_due(conn, [row.id], now=now)
    log.info("generated", issuance_id=row.id)
    bridge.ring("write_back")


def _revoked(bridge: Bridge, row: sa.Row[Any]) -> None:
    with bridge.database.write() as conn:
        endings.stop(
            conn,
            row,
            IssuanceState.CANCELLED,
            cause=causes.cause(STEP, "vault_revoked"),
            problem="The certificate was revoked at the vault.",
            remedy="Nothing, if that was meant; otherwise ask the vault's operator.",
            now=bridge.database.now(conn),
            vault_status="revoked",
        )


def _failed(bridge: Bridge, account: _Account, row: sa.Row[Any], told: VaultCertificate) -> None:
    """A failed certificate keeps its key at the vault: it is retried there, never made anew."""
    whole = account.vault.view(told.uuid) or told  # a list does not say why
    reason = whole.reason or "without a reason"
    if row.vault_retries >= MOST_VAULT_RETRIES:
        with bridge.database.write() as conn:
            endings.stop(
                conn,
                row,
                IssuanceState.FAILED,
                cause=causes.cause(STEP, "vault_failed"),
                problem=f"The vault failed to process it {row.vault_retries + 1} times: {reason}",
                remedy="Ask the vault's operator; when it is mended, "
                f"`vaultbridge replay {row.id}`.",
                now=bridge.database.now(conn),
                vault_status=told.status,
            )
        return
    number = _intend_retry(bridge, row)
    answer = account.vault.retry(row.vault_uuid)
    _conclude_retry(bridge, account.issuer, row, number, answer, reason=reason)


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


def _conclude_retry(
    bridge: Bridge,
    issuer: sa.Row[Any],
    row: sa.Row[Any],
    number: int,
    answer: Answer,
    *,
    reason: str,
) -> None:
    """ "Not failed" (400) is good news: it is being processed. Either way the list tells."""
    heard = not isinstance(answer, NotDone | Unauthorised)
    wait = answer.retry_after if isinstance(answer, NotDone) else None
    retries = row.vault_retries + (1 if heard else 0)
    tries = 0 if heard else row.tries + 1
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        endings.note(conn, number, answer, now=now)
        release(
            conn,
            issuance,
            lease_of(row),
            next_run_at=now + _waits(bridge).wait(max(retries, tries), at_least=wait),
            vault_retries=retries,
            tries=tries,
            vault_status="failed",
            updated_at=now,
            **_unheard(row, answer, now=now),
        )
        if isinstance(answer, Unauthorised):
            endings.pause(conn, issuer, answer.message, answer.remedy, now=now)
        elif heard:
            events.record(conn, row.id, "retried at the vault", at=now, detail=reason)


def _unheard(row: sa.Row[Any], answer: Answer, *, now: datetime) -> Mapping[str, Any]:
    if not isinstance(answer, NotDone | Unauthorised):
        return MENDED
    remedy = answer.remedy if isinstance(answer, Unauthorised) else endings.BY_ITSELF
    return _said(row, answer.message, cause_of(STEP, answer), remedy, now)


def _waits(bridge: Bridge) -> Backoff:
    return Backoff(first=bridge.settings.poll_first, longest=bridge.settings.poll_longest)


def _not_now(
    bridge: Bridge, account: _Account, rows: Sequence[sa.Row[Any]], exc: VaultError
) -> None:
    """The vault does not say; where it refuses our token, its issuer is paused."""
    if isinstance(exc, Forbidden):
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            endings.pause(conn, account.issuer, str(exc), exc.remedy, now=now)
        _later(bridge, rows, str(exc), cause=cause_of(STEP, exc), remedy=exc.remedy)
    else:
        wait = exc.retry_after if isinstance(exc, Unavailable) else None
        _later(bridge, rows, str(exc), cause=cause_of(STEP, exc), at_least=wait)


def _move_on(bridge: Bridge, rows: Sequence[sa.Row[Any]], name: str) -> None:
    problem = f"Following it failed with {name}, which is a fault in the program."
    remedy = "Report it with the log's trace."
    _later(bridge, rows, problem, cause=bug(STEP, name), remedy=remedy)


def _later(
    bridge: Bridge,
    rows: Sequence[sa.Row[Any]],
    problem: str | None,
    *,
    cause: str = "follow.unknown",
    told: VaultCertificate | None = None,
    remedy: str = endings.BY_ITSELF,
    at_least: timedelta | None = None,
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
                    next_run_at=now + _waits(bridge).wait(tries, at_least=at_least),
                    tries=tries,
                    vault_status=told.status if told else row.vault_status,
                    updated_at=now,
                    **_said(row, problem, cause, remedy, now),
                )


def _said(
    row: sa.Row[Any], problem: str | None, cause: str, remedy: str, now: datetime
) -> Mapping[str, Any]:
    if problem is None:
        return MENDED
    return troubled(row, cause=cause, problem=problem, remedy=remedy, now=now)
