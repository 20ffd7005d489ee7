"""Hear what a vault tells by webhook: its signature is checked, its body is never believed.

It only says that there is something to ask about, so that the next look comes at the next beat
instead of when it would have been due. A vault that ends a batch tells of each certificate by
itself: those that come at the same moment share a commit, with what LMSs deliver.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import endings
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.receive import UNKNOWN_SITE, TurnedAway, count_refusal
from bridge.store import accounts, issuances
from runtime.crashpoint import crashpoint
from runtime.group_commit import GroupCommit

#: Hex HMAC-SHA256 of the raw body, keyed with the signing secret, as the vendor documents it.
SIGNATURE = "x-webhook-signature"

log = structlog.get_logger()


def hear(
    bridge: Bridge,
    group: GroupCommit[Any],
    issuer_name: str,
    headers: Mapping[str, str],
    body: bytes,
) -> int:
    """Have what the vault speaks of looked at soon; return how many issuances that are.

    Raises TurnedAway unless it is signed with a secret of the issuer.
    """
    issuer, secrets = _issuer(bridge, issuer_name)
    if not _genuine(headers.get(SIGNATURE, ""), body, secrets) or issuer is None:
        _count(bridge, group, issuer)
        raise TurnedAway
    told = _fields(body)
    uuid, email = told.get("uuid"), told.get("applicant_email")

    def wake(conn: sa.Connection) -> int:
        now = bridge.database.now(conn)
        woken = issuances.wake(
            conn,
            issuer.id,
            uuid=str(uuid),
            email=email if isinstance(email, str) else None,
            now=now,
            at=endings.poll_at(bridge, now, bridge.settings.poll_first),
        )
        crashpoint("hear.waking")
        return woken

    woken: int = group.write(wake)
    crashpoint("hear.woken")
    log.info("vault_told", issuer=issuer.name, what=str(told.get("event"))[:64], issuances=woken)
    return woken


def _issuer(bridge: Bridge, name: str) -> tuple[sa.Row[Any] | None, list[str]]:
    with bridge.database.read() as conn:
        try:
            row = accounts.issuer_named(conn, name)
        except accounts.NotThere:
            return None, []
    known = accounts.secrets_or_none(row, kind="issuer", keys=bridge.keys)
    return row, str(known.get("webhook_secret") or "").split()


def _genuine(given: str, body: bytes, secrets: list[str]) -> bool:
    """Compared in constant time with each secret; for an unknown issuer with one of nobody."""
    claimed = given.strip().lower().encode("utf-8", "replace")
    matches = [
        hmac.compare_digest(
            hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode(), claimed
        )
        for secret in secrets or ["nobody's"]
    ]
    return any(matches) and bool(secrets)


def _count(bridge: Bridge, group: GroupCommit[Any], issuer: sa.Row[Any] | None) -> None:
    name = UNKNOWN_SITE if issuer is None else f"vault/{issuer.name}"[:64]
    reason = "unknown issuer" if issuer is None else "unverified"
    count_refusal(bridge, group, name, reason)


def _fields(body: bytes) -> Mapping[str, Any]:
    """Authentic and unreadable is the vault's fault, and no reason to be told it again."""
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
