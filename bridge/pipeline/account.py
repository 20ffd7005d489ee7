"""An issuer's account at its vault, as a step works with it: what may be called, what was heard.

One 429 or one dead connection is enough: every worker leaves the vault alone until its time has
come, then one call tries it for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa
import structlog

from bridge.pipeline import causes
from bridge.pipeline.bridge import Bridge
from bridge.store import accounts, events, gates, issuances
from bridge.store.gates import Way
from bridge.store.tables import issuance
from bridge.store.tables import issuer as issuers
from bridge.store.troubles import troubled
from bridge.vault_client import (
    Ambiguous,
    Forbidden,
    NotDone,
    Unauthorised,
    Unavailable,
    VaultClient,
)
from runtime.keys import KeyProblem
from runtime.lease import LeaseLost, lease_of, release

#: A call without an answer may be chance; so many in a row are not.
UNANSWERED = 2
#: Longer than a probe's call, by what is done before and after it.
MARGIN = timedelta(seconds=30)

#: Whatever a call ended with; types that are not of `_SILENT` are answers.
Heard: TypeAlias = object
_SILENT = (NotDone, Ambiguous, Unavailable)
_REFUSALS = (Unauthorised, Forbidden)

log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class Account:
    """One issuer and a client for it. ``stopped`` once a call shows that the next is in vain."""

    issuer: sa.Row[Any]
    vault: VaultClient
    way: Way
    stopped: bool = False
    paused: bool = False

    @property
    def usable(self) -> bool:
        """Whether another call may be made now."""
        return not self.stopped and self.way is not Way.SHUT

    def note(self, heard: Heard) -> None:
        """Remember at once, from any thread, that the next call would be in vain."""
        if isinstance(heard, (*_SILENT, Unauthorised)):
            self.stopped = True


def having(bridge: Bridge, which: issuances.Which) -> Sequence[str]:
    """The issuers that have due issuances of these."""
    with bridge.database.read() as conn:
        return issuances.issuers_having(conn, which, now=bridge.database.now(conn))


def of(bridge: Bridge, issuer_id: str) -> Account:
    """The account of an issuer, and whether its vault may be called now.

    Raises KeyProblem where its token cannot be read; then the issuer is paused.
    """
    with bridge.database.read() as conn:
        issuer = accounts.issuer_by_id(conn, issuer_id)
    vault = _client(bridge, issuer)
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        ends = now + bridge.settings.vault_deadline + MARGIN
        way = Way.SHUT
        if issuer.paused_at is None:
            way = gates.way(conn, issuers, issuer_id, now=now, probe_ends=ends)
    return Account(issuer=issuer, vault=vault, way=way)


def _client(bridge: Bridge, issuer: sa.Row[Any]) -> VaultClient:
    try:
        return bridge.vault_of(issuer)
    except KeyProblem as exc:
        if issuer.paused_at is None:
            remedy = f"Enter its token again: `vaultbridge issuer rotate {issuer.name}`."
            with bridge.database.write() as conn:
                now = bridge.database.now(conn)
                cause = causes.cause("issuer", "key")
                _pause(conn, issuer, cause=cause, problem=str(exc), remedy=remedy, now=now)
        raise


def heard(
    bridge: Bridge, conn: sa.Connection, account: Account, told: Iterable[Heard], *, now: datetime
) -> None:
    """Let every worker know what the calls of this account ended with.

    A refused token pauses the issuer, whatever becomes of the rows that it was heard for.
    """
    told = list(told)
    silent = [one for one in told if isinstance(one, _SILENT)]
    probing = account.way is Way.PROBE
    if silent:
        account.stopped = True
        _left_unanswered(bridge, conn, account, silent, now=now)
    elif told:
        gates.answered(conn, issuers, account.issuer.id, probing=probing)
        if account.issuer.problem is not None:
            accounts.note_unless_paused(conn, account.issuer.id)
        account.way = Way.OPEN
    refusal = next((one for one in told if isinstance(one, _REFUSALS)), None)
    if refusal is not None:
        _refused(conn, account, refusal, now=now)


def _refused(
    conn: sa.Connection, account: Account, refusal: Unauthorised | Forbidden, *, now: datetime
) -> None:
    """The vault refuses our token: nothing is sent for this issuer until that is mended."""
    account.way = Way.SHUT
    if account.paused:  # by a neighbour of the same batch
        return
    account.paused = True
    problem = refusal.message if isinstance(refusal, Unauthorised) else str(refusal)
    cause = causes.cause_of("issuer", refusal)
    issuer = account.issuer
    _pause(conn, issuer, cause=cause, problem=problem, remedy=refusal.remedy, now=now)


def _pause(
    conn: sa.Connection,
    issuer: sa.Row[Any],
    *,
    cause: str,
    problem: str,
    remedy: str,
    now: datetime,
) -> None:
    """Unless its token was replaced while the former one was in use."""
    said = troubled(issuer, cause=cause, problem=problem, remedy=remedy, now=now)
    if accounts.pause(conn, issuer, said=said, now=now):
        events.record(conn, issuer.id, "paused", at=now, detail=problem)
        log.error("issuer_paused", issuer=issuer.name, reason=problem, remedy=remedy)


def _left_unanswered(
    bridge: Bridge,
    conn: sa.Connection,
    account: Account,
    silent: list[NotDone | Ambiguous | Unavailable],
    *,
    now: datetime,
) -> None:
    probing = account.way is Way.PROBE
    asked = max((one.retry_after for one in silent if one.retry_after is not None), default=None)
    count = gates.fail if asked is None else gates.failures
    times = count(conn, issuers, account.issuer.id)
    surely = any(isinstance(one, NotDone) for one in silent)
    if asked is not None or surely or probing or times >= UNANSWERED:
        until = now + (asked if asked is not None else bridge.backoff.wait(max(times, 1)))
        gates.shut(conn, issuers, account.issuer.id, until=until, probing=probing)
        account.way = Way.SHUT
        if asked is not None and asked > bridge.settings.tell_patience:
            _told_to_wait(conn, account.issuer, until=until, now=now)
        log.warning("vault_left_alone", issuer=account.issuer.name, until=until.isoformat())


def _told_to_wait(
    conn: sa.Connection, issuer: sa.Row[Any], *, until: datetime, now: datetime
) -> None:
    """So long a wait is the owner's business; of what waits for it, no row says why."""
    said = troubled(
        issuer,
        cause=causes.cause("issuer", "vault_left_alone"),
        problem=f"The vault asks to be left alone until {until:%Y-%m-%d %H:%M} UTC.",
        remedy="Nothing: what waits goes on then. If that is too late, ask the vault's operator.",
        now=now,
    )
    accounts.note_unless_paused(conn, issuer.id, said=said)


def give_back(bridge: Bridge, rows: Iterable[sa.Row[Any]]) -> None:
    """Give claimed issuances back as they were: their turn comes when their vault's has."""
    with bridge.database.write() as conn:
        for row in rows:
            with suppress(LeaseLost):
                release(conn, issuance, lease_of(row), next_run_at=row.next_run_at)
