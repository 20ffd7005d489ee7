"""Follow what the vault is processing until it is generated or failed.

An entry that a bulk upload took in is found in the list by its e-mail, title and date; one that is
not there by its deadline is looked for by `bridge.pipeline.adopt`, and then sent singly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import account as accounts
from bridge.pipeline import endings, replacing, trail, vault_retry
from bridge.pipeline.account import Account
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug, cause, cause_of
from bridge.pipeline.guard import poisoned
from bridge.pipeline.parts import parts
from bridge.pipeline.told import Told, tell
from bridge.store import events, issuances, links, write_backs
from bridge.store.gates import Way
from bridge.store.states import IssuanceState
from bridge.store.tables import issuance
from bridge.store.troubles import MENDED, troubled
from bridge.vault_client import (
    Forbidden,
    Unavailable,
    VaultCertificate,
    VaultError,
)
from runtime.crashpoint import crashpoint
from runtime.keys import KeyProblem
from runtime.lease import claim, give_back, lease_of, release

STEP = "follow"
BATCH = 1000
#: Changed rows to a commit.
TOGETHER = 10

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a certificate's fate is not known."""

    problem: str
    cause: str
    remedy: str = endings.BY_ITSELF

    def columns(self, row: sa.Row[Any], now: datetime) -> Mapping[str, Any]:
        return troubled(row, cause=self.cause, problem=self.problem, remedy=self.remedy, now=now)


_SLOW = _Trouble(
    "The vault has been processing it for unusually long.",
    cause(STEP, "vault_slow"),
    remedy="Ask the vault's operator; it is asked about again by itself.",
)


def run(bridge: Bridge) -> bool:
    """Ask about a batch of each issuer's issuances that are due; say whether there may be more."""
    having_work = partial(accounts.having, bridge, issuances.followable)
    return bridge.sides[STEP].run(having_work, partial(_batch, bridge))


def _batch(bridge: Bridge, issuer_id: str) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        rows = claim(
            conn,
            issuance,
            where=sa.and_(issuances.followable(now), issuance.c.issuer_id == issuer_id),
            owner=bridge.owner,
            now=now,
            lease=bridge.settings.lease,
            limit=BATCH,
        )
    if rows:
        crashpoint("follow.claimed")
        with poisoned(STEP, issuer_id, partial(_move_on, bridge, rows)):
            _follow(bridge, issuer_id, rows)


def _follow(bridge: Bridge, issuer_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    try:
        account = accounts.of(bridge, issuer_id)
    except KeyProblem:
        accounts.give_back(bridge, rows)
        return
    if account.way is Way.SHUT:
        accounts.give_back(bridge, rows)
        return
    told: Told = {}
    sent = _sent(bridge, rows)
    try:
        for some in tell(account.vault, rows, sent=sent):
            told |= some
    except VaultError as exc:
        # What was told before it failed holds all the same.
        not_now(bridge, account, [row for row in rows if row.id not in told], exc)
        rows = [row for row in rows if row.id in told]
    else:
        with bridge.database.write() as conn:
            accounts.heard(bridge, conn, account, [told], now=bridge.database.now(conn))
    crashpoint("follow.told")
    failed = [(row, one) for row in rows if (one := told.get(row.id)) and one.status == "failed"]
    failed_ids = {row.id for row, _ in failed}
    others = sorted((row for row in rows if row.id not in failed_ids), key=_place)
    for group in parts(others, TOGETHER):
        with poisoned(STEP, group[0].id, partial(_move_on, bridge, group)):
            _settle(bridge, group, told, sent)
    for row, one in failed:
        if account.usable:
            _failed(bridge, account, row, one)
        else:
            accounts.give_back(bridge, [row])


def _place(row: sa.Row[Any]) -> tuple[str, str, str]:
    """An order that all who settle share: none waits for one that waits for it."""
    return row.learner_id, row.site_id, row.course_id


def _sent(bridge: Bridge, rows: Sequence[sa.Row[Any]]) -> Mapping[str, datetime]:
    """When the vault was last told of those that have no name there yet, or are old."""
    with bridge.database.read() as conn:
        old = bridge.database.now(conn) - bridge.settings.vault_slow
        asked = [row.id for row in rows if row.vault_uuid is None or row.created_at <= old]
        made = issuances.attempts_of(conn, asked)
    return {row_id: past[-1].sent_at for row_id, past in made.items() if past}


def _failed(bridge: Bridge, account: Account, row: sa.Row[Any], told: VaultCertificate) -> None:
    with poisoned(STEP, row.id, partial(_move_on, bridge, [row]), about=row):
        try:
            vault_retry.failed(bridge, account, row, told)
        except VaultError as exc:
            not_now(bridge, account, [row], exc)


def _settle(
    bridge: Bridge, rows: Sequence[sa.Row[Any]], told: Told, sent: Mapping[str, datetime]
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for row in rows:
            with endings.unless_lost(conn, row):
                if (one := told.get(row.id)) is not None:
                    _apply(bridge, conn, row, one, sent=sent.get(row.id), now=now)
                else:
                    _not_listed(bridge, conn, row, asked=row.id in told, now=now)
        crashpoint("follow.settling")
    crashpoint("follow.settled")
    bridge.ring("write_back")
    bridge.ring("issue")  # for what is to be looked for, or revoked


def _apply(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    told: VaultCertificate,
    *,
    sent: datetime | None,
    now: datetime,
) -> None:
    if told.status == "generated":
        _generated(bridge, conn, row, told, now=now)
    elif told.status == "revoked":
        _revoked(conn, row, told, now=now)
    else:
        is_slow = sent is not None and now - sent >= bridge.settings.vault_slow
        _later(bridge, conn, row, _SLOW if is_slow else None, now=now, told=told)


def _not_listed(
    bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], *, asked: bool, now: datetime
) -> None:
    if row.vault_uuid is not None and not asked:
        _next_time(bridge, conn, row, now=now)
    elif row.vault_uuid is not None:
        gone = _Trouble(
            "The vault no longer lists this certificate.", cause(STEP, "vault_unlisted")
        )
        _later(bridge, conn, row, gone, now=now)
    elif now < row.appear_by:
        _later(bridge, conn, row, None, now=now, at_most=row.appear_by)
    else:
        # It may have been dropped in silence, or be late: looked for, then sent singly.
        release(
            conn,
            issuance,
            lease_of(row),
            next_run_at=now,
            state=IssuanceState.SENDING,
            tries=0,
            updated_at=now,
        )
        events.record(conn, row.id, "not in the vault's list", at=now, detail=row.batch_id)


def _next_time(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], *, now: datetime) -> None:
    """So many were asked about that its turn did not come: it comes before theirs."""
    wait = endings.poll_wait(bridge).wait(max(row.tries, 1))
    give_back(conn, issuance, row, next_run_at=endings.poll_at(bridge, now, wait))


def _generated(
    bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], told: VaultCertificate, *, now: datetime
) -> None:
    release(
        conn,
        issuance,
        lease_of(row),
        next_run_at=None,
        state=IssuanceState.GENERATED,
        vault_uuid=told.uuid,
        reference_id=told.reference_id or row.reference_id,
        vault_status=told.status,
        verification_url=told.verification_url,
        tries=0,
        updated_at=now,
        generated_at=now,
        **MENDED,
    )
    events.record(conn, row.id, "generated", at=now, detail=told.reference_id)
    links.live_link(conn, row.id, now=now)
    replacing.came(bridge, conn, row, now=now)
    write_backs.make_due(conn, [row.id], now=now)
    log.info("generated", **trail.of(row))


def _revoked(
    conn: sa.Connection, row: sa.Row[Any], told: VaultCertificate, *, now: datetime
) -> None:
    endings.stop(
        conn,
        row,
        IssuanceState.CANCELLED,
        cause=cause(STEP, "vault_revoked"),
        problem="The certificate was revoked at the vault.",
        remedy="Nothing, if that was meant; otherwise ask the vault's operator.",
        now=now,
        vault_uuid=told.uuid,
        reference_id=told.reference_id or row.reference_id,
        vault_status="revoked",
    )
    # Where it was final once and is followed again, the gradebook still calls it issued.
    write_backs.make_due(conn, [row.id], now=now)


def not_now(bridge: Bridge, account: Account, rows: Sequence[sa.Row[Any]], exc: VaultError) -> None:
    """The vault does not say; where it refuses our token, its issuer is paused."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        trouble = _Trouble(str(exc), cause_of(STEP, exc))
        if isinstance(exc, Forbidden):
            trouble = replace(trouble, remedy=exc.remedy)
        accounts.heard(bridge, conn, account, [exc], now=now)
        wait = exc.retry_after if isinstance(exc, Unavailable) else None
        for row in rows:
            with endings.unless_lost(conn, row):
                _later(bridge, conn, row, trouble, now=now, at_least=wait)


def _move_on(bridge: Bridge, rows: Sequence[sa.Row[Any]], name: str) -> None:
    trouble = _Trouble(
        f"Following it failed with {name}, which is a fault in the program.",
        bug(STEP, name),
        remedy="Report it with the log's trace.",
    )
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for row in rows:
            with endings.unless_lost(conn, row):
                _later(bridge, conn, row, trouble, now=now)


def _later(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    trouble: _Trouble | None,
    *,
    now: datetime,
    told: VaultCertificate | None = None,
    at_least: timedelta | None = None,
    at_most: datetime | None = None,
) -> None:
    """Ask again, each time a little later."""
    tries = row.tries + 1
    wait = endings.poll_wait(bridge).wait(tries, at_least=at_least)
    # Together with what was sent about then, but never before the time that the vault asked for.
    next_run_at = max(endings.poll_at(bridge, now, wait), now + (at_least or timedelta()))
    give_back(
        conn,
        issuance,
        row,
        next_run_at=next_run_at if at_most is None else min(next_run_at, at_most),
        tries=tries,
        vault_status=told.status if told else row.vault_status,
        vault_uuid=told.uuid if told else row.vault_uuid,
        reference_id=(told.reference_id if told else None) or row.reference_id,
        updated_at=now,
        **(MENDED if trouble is None else trouble.columns(row, now)),
    )
