"""Ask the vault for a certificate that an earlier attempt may have made, and prove it ours.

Proof is our mark in the details; where a vault does not show details, the same name on a
certificate made since our first attempt. What is there without proof is a person's to compare.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import sqlalchemy as sa

from bridge.pipeline import account as accounts
from bridge.pipeline import causes, endings
from bridge.pipeline.account import Account
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause_of
from bridge.store import events, issuances
from bridge.store.states import AttemptOutcome, IssuanceState
from bridge.store.tables import issuance
from bridge.vault_client import Forbidden, Unavailable, VaultCertificate, VaultClient, VaultError
from runtime.crashpoint import crashpoint
from runtime.lease import lease_of, release

#: The mark that ends our details.
MARK = re.compile(r"\bRef ([0-9a-f]{8})\b")
#: How often the vault is asked about an ambiguous attempt before the entry is sent again.
LOOKS = 2
#: Clocks differ; a certificate made this much before our first attempt can still be ours.
CLOCK_SKEW = timedelta(minutes=5)
MOST_PAGES = 50
REVOKED = "revoked"
#: Ends of attempts that may have made a certificate. Of one that surely has, the row knows, unless
#: its holder had lost it when the answer came.
UNSETTLED = (
    None,
    AttemptOutcome.AMBIGUOUS,
    AttemptOutcome.DONE,
    AttemptOutcome.TAKEN_IN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the vault holds under our e-mail, title and date."""

    ours: VaultCertificate | None = None
    foreign: VaultCertificate | None = None


def must_look(row: sa.Row[Any], past: Sequence[sa.Row[Any]]) -> bool:
    """Whether the vault must be asked before the entry is sent (again).

    ``past`` are the uploads tried under the issuance's present key, oldest first.
    """
    return _told_of_a_duplicate(row, past) or bool(_open(past) and row.looks < LOOKS)


def look_first(
    bridge: Bridge, account: Account, row: sa.Row[Any], past: Sequence[sa.Row[Any]]
) -> None:
    """Ask the vault what became of earlier attempts; adopt, hold, look again, or free to send."""
    duplicate = _told_of_a_duplicate(row, past)
    if not duplicate and _still_noisy(bridge, row, _open(past)):
        return
    found = _asked(bridge, account, row, since=min(a.sent_at for a in past))
    if found is not None:
        _after_look(bridge, account, row, found, refusal=past[-1].detail if duplicate else None)


def look_while_unsure(
    bridge: Bridge, account: Account, row: sa.Row[Any], *, since: datetime
) -> None:
    """Ask the vault for what a restored database may have forgotten; adopt, hold, or wait.

    ``since`` is when its forgetting may have begun. An issuance that was made anew has a mark of
    its own; its certificate bears the forgotten one's.
    """
    found = _asked(bridge, account, row, since=since, forgotten=True)
    if found is None:
        return
    if found.ours is not None or found.foreign is not None:
        _after_look(bridge, account, row, found, refusal=None)
        return
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        accounts.heard(bridge, conn, account, [found], now=now)
        release(conn, issuance, lease_of(row), next_run_at=now + bridge.settings.reconcile)


def _asked(
    bridge: Bridge,
    account: Account,
    row: sa.Row[Any],
    *,
    since: datetime,
    forgotten: bool = False,
) -> Found | None:
    """What the vault holds; None if it did not tell, which the row then says."""
    try:
        found = look(account.vault, row, since=since, forgotten=forgotten)
    except VaultError as exc:
        _not_told(bridge, account, row, exc)
        return None
    crashpoint("adopt.looked")
    return found


def _not_told(bridge: Bridge, account: Account, row: sa.Row[Any], exc: VaultError) -> None:
    remedy = exc.remedy if isinstance(exc, Forbidden) else endings.BY_ITSELF
    wait = exc.retry_after if isinstance(exc, Unavailable) else None
    cause = cause_of(endings.ISSUE, exc)
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        accounts.heard(bridge, conn, account, [exc], now=now)
        with endings.unless_lost(conn, row):
            endings.again(
                bridge, conn, row, str(exc), cause=cause, now=now, remedy=remedy, at_least=wait
            )


def _open(past: Sequence[sa.Row[Any]]) -> list[sa.Row[Any]]:
    return [a for a in past if a.outcome in UNSETTLED]


def _told_of_a_duplicate(row: sa.Row[Any], past: Sequence[sa.Row[Any]]) -> bool:
    # After a person's replay it is ready anew, and the vault is told again before it is asked.
    return bool(
        row.state == IssuanceState.SENDING and past and past[-1].outcome == AttemptOutcome.DUPLICATE
    )


def _still_noisy(bridge: Bridge, row: sa.Row[Any], unsure: Sequence[sa.Row[Any]]) -> bool:
    """Whether the vault could still be working on an earlier request; then wait."""
    quiet = _quiet_from(bridge, row, unsure)
    with bridge.database.write() as conn:
        if bridge.database.now(conn) >= quiet:
            return False
        release(conn, issuance, lease_of(row), next_run_at=quiet)
        return True


def _quiet_from(bridge: Bridge, row: sa.Row[Any], unsure: Sequence[sa.Row[Any]]) -> datetime:
    """When the next look is due. The last one, after which the entry is sent again, must be sure.

    What a bulk upload may have queued is then past the time that it may take to be listed.
    """
    settings = bridge.settings
    looks: int = row.looks + 1
    quiet = max(map(_end, unsure)) + settings.quiet_period * looks
    queued = [_end(a) for a in unsure if a.operation == "bulk"]
    if not queued or looks < LOOKS:
        return quiet
    return max(quiet, max(queued) + settings.appear_within + settings.quiet_period)


def _end(made: sa.Row[Any]) -> datetime:
    """When an attempt had ended, at the latest."""
    ended: datetime = made.answered_at or made.deadline
    return ended


def _after_look(
    bridge: Bridge, account: Account, row: sa.Row[Any], found: Found, *, refusal: str | None
) -> None:
    """``refusal``: what the vault said when it refused the entry as a duplicate, if it did."""
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        accounts.heard(bridge, conn, account, [found], now=now)
        if found.ours is not None:
            _take_mark(conn, row, found.ours, now=now)
            endings.taken(bridge, conn, row, found.ours, what="adopted from the vault", now=now)
        elif found.foreign is not None:
            other = found.foreign.reference_id or found.foreign.uuid
            endings.stop(
                conn,
                row,
                IssuanceState.HELD,
                cause=causes.cause(endings.ISSUE, "vault_foreign"),
                problem="The vault holds a certificate with this e-mail, title and issue date "
                f"({other}) that is not ours.",
                remedy="Compare the two. To issue ours too, change the title in the mapping and "
                f"`vaultbridge replay {row.id}`; otherwise leave this held.",
                now=now,
            )
        elif refusal is not None:
            endings.stop(
                conn,
                row,
                IssuanceState.HELD,
                cause=causes.cause(endings.ISSUE, "vault_duplicate_unlisted"),
                problem=f'The vault says "{refusal}", but lists no certificate with this e-mail, '
                "title and issue date.",
                remedy="Ask the vault's operator what it holds for this e-mail address, then "
                f"`vaultbridge replay {row.id}`.",
                now=now,
            )
        else:
            looks = row.looks + 1
            release(conn, issuance, lease_of(row), next_run_at=now, looks=looks, updated_at=now)
            events.record(conn, row.id, "not found at the vault", at=now)
        crashpoint("adopt.concluding")
    crashpoint("adopt.concluded")
    bridge.ring("issue" if found.ours is None else "follow")


def _take_mark(
    conn: sa.Connection, row: sa.Row[Any], ours: VaultCertificate, *, now: datetime
) -> None:
    """Take the mark that the certificate bears: the issuance stands for one that was forgotten."""
    found = MARK.search(ours.details or "")
    if found is not None and found[1] != row.ref:
        details = (row.details or "").replace(f"Ref {row.ref}", found[0])
        issuances.change(conn, row.id, now=now, ref=found[1], details=details)


def look(
    vault: VaultClient, row: sa.Row[Any], *, since: datetime, forgotten: bool = False
) -> Found:
    """Search every page and status for the issuance's key. Raises Unavailable, Forbidden.

    ``since`` is when the first attempt was made; ``forgotten``: any mark of ours on one that was
    made since then is proof, too.
    """
    foreign = None
    for listed in _listed(vault, row.applicant_email):
        if key_listed(listed) != key_of(row):
            continue
        whole = vault.view(listed.uuid) or listed
        if is_ours(whole, row, since=since, forgotten=forgotten):
            return Found(ours=whole)
        # A revoked one keeps nobody's key: it may be what this one replaces.
        foreign = foreign if whole.status == REVOKED else whole
    return Found(foreign=foreign)


def _listed(vault: VaultClient, email: str) -> list[VaultCertificate]:
    found: list[VaultCertificate] = []
    for number in range(1, MOST_PAGES + 1):
        page, more = vault.page(number, email=email)
        found += page
        if not more:
            break
    return found


Key: TypeAlias = "tuple[str, str, str | None]"


def key_of(row: sa.Row[Any]) -> Key:
    """What the vault tells certificates apart by: e-mail, title and issue date."""
    return (
        row.applicant_email.casefold(),
        _plain(row.certificate_title),
        row.issue_date.isoformat(),
    )


def key_listed(item: VaultCertificate) -> Key:
    """The same, of a certificate at the vault."""
    return item.applicant_email.casefold(), _plain(item.certificate_title), item.issue_date


def is_ours(
    whole: VaultCertificate, row: sa.Row[Any], *, since: datetime, forgotten: bool = False
) -> bool:
    """Whether one of the same key is proved to be ours; see `look`."""
    if whole.source not in (None, "vault") or _plain(whole.full_name) != _plain(row.full_name):
        return False
    is_since = whole.created_at is not None and whole.created_at >= since - CLOCK_SKEW
    is_since = is_since and whole.status != REVOKED
    if whole.details is None:
        return is_since
    if f"Ref {row.ref}" in whole.details:
        return True
    return forgotten and is_since and MARK.search(whole.details) is not None


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
