"""What follows an erasure: vaults are told to erase, raw deliveries are searched and blanked.

Asking a vault for it again does no harm, so a call whose answer was lost is simply made again. A
vault that cannot erase keeps what it has: a person asks its operator, with the text that
`vaultbridge learner erasures` gives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

import sqlalchemy as sa
import structlog

from bridge.pipeline import account as gates
from bridge.pipeline import endings, erasing, trail
from bridge.pipeline.account import Account
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug, cause_of
from bridge.pipeline.guard import poisoned
from bridge.store import accounts, deliveries, erasures, events, issuances
from bridge.store.states import DeliveryState, ErasureState, VaultErasureState
from bridge.store.tables import delivery, erasure, vault_erasure
from bridge.store.troubles import MENDED, troubled
from bridge.vault_client import Accepted, CannotRevoke, Refused, RevokeAnswer, VaultError
from connectors.base import Connector, ConnectorError, InboundRequest, Permanent
from runtime.crashpoint import crashpoint
from runtime.keys import KeyProblem
from runtime.lease import claim, lease_of, release, save

STEP = "erase"
#: Certificates of one vault at a time, and deliveries looked into to a commit.
BATCH, LOOKED_INTO = 25, 200
ALREADY = 400
#: A name that is a letter or two stands in every text.
LEAST = 4

log = structlog.get_logger()


def run(bridge: Bridge) -> bool:
    """Tell each issuer's vault what to erase, and search deliveries; say whether there is more."""
    told = bridge.sides[STEP].run(partial(_having, bridge), partial(_batch, bridge))
    return _search(bridge) or told


def _having(bridge: Bridge) -> Sequence[str]:
    with bridge.database.read() as conn:
        return erasures.issuers_having(conn, now=bridge.database.now(conn))


def _batch(bridge: Bridge, issuer_id: str) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        rows = claim(
            conn,
            vault_erasure,
            where=sa.and_(erasures.workable(now), vault_erasure.c.issuer_id == issuer_id),
            owner=bridge.owner,
            now=now,
            lease=bridge.settings.lease,
            limit=BATCH,
        )
    if not rows:
        return
    crashpoint("erase.claimed")
    try:
        account = gates.of(bridge, issuer_id)
    except KeyProblem:
        account = None
    for row in rows:
        if account is None or not account.usable:
            _give_back(bridge, row)
            continue
        with poisoned(STEP, row.id, partial(_move_on, bridge, row), about=row):
            _tell(bridge, account, row)


def _give_back(bridge: Bridge, row: sa.Row[Any]) -> None:
    """Its turn comes when its vault's has."""
    with bridge.database.write() as conn, endings.unless_lost(conn, row):
        later = bridge.database.now(conn) + bridge.settings.retry_first
        release(conn, vault_erasure, lease_of(row), next_run_at=later)


def _tell(bridge: Bridge, account: Account, row: sa.Row[Any]) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        found = issuances.by_id(conn, row.issuance_id)
        uuid = str(found.vault_uuid) if found is not None else ""
        save(conn, vault_erasure, lease_of(row), lease_until=now + bridge.settings.lease)
        number = issuances.begin_attempt(
            conn,
            row.issuance_id,
            STEP,
            fence=row.fence,
            natural_key="",
            request_sha256="",
            now=now,
            deadline=now + bridge.settings.vault_deadline,
        )
        crashpoint("erase.intending")
    crashpoint("erase.intended")
    answer = account.vault.erase(uuid)
    crashpoint("erase.sent")
    ended: RevokeAnswer | VaultError = answer
    is_erased = isinstance(answer, Accepted)
    if isinstance(answer, CannotRevoke) or (
        isinstance(answer, Refused) and answer.status_code == ALREADY
    ):
        # No such call, no such certificate, or it is erased already?
        try:
            there = account.vault.view(uuid)
            is_erased = there is None or not (there.full_name or there.applicant_email)
        except VaultError as exc:
            ended = exc
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        endings.note(conn, number, answer, now=now)
        gates.heard(bridge, conn, account, [ended], now=now)
        with endings.unless_lost(conn, row):
            if is_erased:
                _end(conn, row, VaultErasureState.DONE)
                events.record(conn, row.issuance_id, "erased at the vault", at=now)
            elif isinstance(ended, CannotRevoke):
                _end(conn, row, VaultErasureState.KEPT)
                said = "kept at the vault, which cannot erase"
                events.record(conn, row.issuance_id, said, at=now)
            else:
                _later(bridge, conn, row, ended)
        crashpoint("erase.concluding")
    crashpoint("erase.concluded")
    log.info("erased_at_vault", **trail.of(row), outcome=type(ended).__name__)


def _end(conn: sa.Connection, row: sa.Row[Any], state: VaultErasureState) -> None:
    release(conn, vault_erasure, lease_of(row), next_run_at=None, state=state, tries=0, **MENDED)


def _later(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], ended: Any) -> None:
    now = bridge.database.now(conn)
    said = troubled(
        row,
        cause=cause_of(STEP, ended),
        problem=str(getattr(ended, "message", ended)),
        remedy=getattr(ended, "remedy", None) or endings.BY_ITSELF,
        now=now,
    )
    wait: timedelta | None = getattr(ended, "retry_after", None)
    at = now + bridge.backoff.wait(row.tries + 1, at_least=wait)
    release(conn, vault_erasure, lease_of(row), next_run_at=at, tries=row.tries + 1, **said)


def _move_on(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        said = troubled(
            row,
            cause=bug(STEP, name),
            problem=f"Telling the vault failed with {name}, which is a fault in the program.",
            remedy="Report it with the log's trace.",
            now=now,
        )
        at = now + bridge.backoff.wait(row.tries + 1)
        release(conn, vault_erasure, lease_of(row), next_run_at=at, tries=row.tries + 1, **said)


def _search(bridge: Bridge) -> bool:
    """Look into some more of a site's deliveries; whether there may be more."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        rows = claim(
            conn,
            erasure,
            where=erasures.searchable(now),
            owner=bridge.owner,
            now=now,
            lease=bridge.settings.lease,
            limit=1,
        )
    for row in rows:
        crashpoint("erase.searching")
        with poisoned(STEP, row.id, partial(_put_off, bridge, row), about=row):
            _look_into(bridge, row)
    return bool(rows)


def _put_off(bridge: Bridge, row: sa.Row[Any], _name: str) -> None:
    with bridge.database.write() as conn:
        at = bridge.database.now(conn) + bridge.backoff.wait(row.tries + 1)
        release(conn, erasure, lease_of(row), next_run_at=at, tries=row.tries + 1)


def _look_into(bridge: Bridge, row: sa.Row[Any]) -> None:
    sought: dict[str, Any] = bridge.keys.decrypt(row.sealed, purpose=erasing.PURPOSE)
    with bridge.database.read() as conn:
        site = accounts.site_by_id(conn, row.site_id)
        query: sa.Select[Any] = (
            sa.select(delivery.c.id, delivery.c.request)
            .where(
                delivery.c.site_id == row.site_id,
                delivery.c.id > (row.cursor or ""),
                delivery.c.id < sought["until"],
                # What is not read yet is looked at when it is.
                delivery.c.state != DeliveryState.WAITING,
            )
            .order_by(delivery.c.id)
            .limit(LOOKED_INTO)
        )
        some = conn.execute(query).all()
    try:
        connector: Connector[Any] | None = bridge.connector_of(site)
    except Permanent:
        connector = None  # what it says is found by its words
    theirs = [one.id for one in some if _tells_of(bridge, connector, one, sought)]
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        with endings.unless_lost(conn, row):
            done = len(some) < LOOKED_INTO
            blanked = deliveries.blank(conn, theirs, erasing.WHY)
            release(
                conn,
                erasure,
                lease_of(row),
                next_run_at=None if done else now,
                tries=0,
                state=ErasureState.DONE if done else ErasureState.SEARCHING,
                cursor=some[-1].id if some else row.cursor,
                sealed=None if done else row.sealed,
                ended_at=now if done else None,
                counts={
                    **row.counts,
                    "found_by_search": row.counts.get("found_by_search", 0) + blanked,
                },
            )
        crashpoint("erase.blanking")
    crashpoint("erase.blanked")
    if len(some) < LOOKED_INTO:
        log.info("erased", **trail.of(row))


def _tells_of(
    bridge: Bridge, connector: Connector[Any] | None, row: sa.Row[Any], sought: Mapping[str, Any]
) -> bool:
    try:
        request = deliveries.unseal(row.request, keys=bridge.keys)
    except KeyProblem:
        return False  # blank, or nobody can read it
    text = _text(request)
    if any(len(one) >= LEAST and one.casefold() in text for one in sought["texts"]):
        return True
    if connector is None:
        return False
    try:
        found = connector.parse(request)
    except ConnectorError:
        return False
    return any(one.learner.id == sought["learner_id"] for one in found)


def _text(request: InboundRequest) -> str:
    """Everything that came, as it reads: escapes undone."""
    body = request.body.decode(errors="replace")
    try:
        plain = json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        plain = ""
    parts = (body, plain, unquote_plus(body), request.path, *request.query.values())
    return "\n".join(parts).casefold()
