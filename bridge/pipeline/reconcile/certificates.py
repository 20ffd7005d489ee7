"""The certificates at an issuer's vault against our issuances: each there, once, as we sent it.

By list pages, newest first, as far back as the run looks; revoked ones by a list of their own,
however old. Only what a list cannot settle is asked for by itself, a few a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.reconcile import compared, strangers
from bridge.pipeline.reconcile.causes import MISSING_AT_VAULT, REVOKED_AT_VAULT
from bridge.pipeline.reconcile.work import Looked, NotCompared, Work
from bridge.store import accounts, differences, events, issuances, vault_rows, write_backs
from bridge.store.differences import Seen
from bridge.store.events import PIPELINE
from bridge.store.ids import before
from bridge.store.states import DifferenceState, IssuanceState
from bridge.vault_client import VaultCertificate, VaultClient
from runtime.keys import KeyProblem

next_issuer = vault_rows.next_issuer

BATCH = 500
REVOKED = "revoked"
#: Certificates asked for by themselves in one run: not in the list, or strangers.
MOST_VIEWS = 200
#: The vault's clock and ours.
SKEW = timedelta(days=1)
#: One that was not there is asked for again this much later; its being listed is seen at once.
ASK_AGAIN = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class Account:
    """An issuer's account at its vault, and what a run may still ask of it."""

    work: Work
    issuer: sa.Row[Any]
    vault: VaultClient
    views: int
    #: Our issuances that were listed: a number each.
    listed: set[int] = field(default_factory=set)

    def view(self, uuid: str) -> VaultCertificate | None:
        """One certificate by itself; the caller has seen that ``views`` are left."""
        self.views -= 1
        return self.vault.view(uuid)


def compare(work: Work, *, issuer_id: str) -> Looked:
    """Compare one issuer's certificates; raises VaultError, NotCompared, LeaseLost."""
    with work.bridge.database.read() as conn:
        issuer = accounts.issuer_by_id(conn, issuer_id)
    if issuer.paused_at is not None:
        raise NotCompared(
            f"The issuer {issuer.name} is stopped: {issuer.problem}", remedy=issuer.remedy
        )
    try:
        vault = work.bridge.vault_of(issuer)
    except KeyProblem as exc:
        remedy = f"Enter its token again: `vaultbridge issuer rotate {issuer.name}`."
        raise NotCompared(str(exc), remedy=remedy) from exc
    account = Account(work=work, issuer=issuer, vault=vault, views=MOST_VIEWS)
    for page in _pages(account):
        _page(account, page)
    _unlisted(account)
    _revoked(account)
    return Looked(count=len(account.listed))


def _pages(account: Account) -> Iterator[Sequence[VaultCertificate]]:
    earliest = account.work.run.since - SKEW
    for number in count(1):
        account.work.renew()
        page, more = account.vault.page(number)
        yield page
        made = [item.created_at for item in page if item.created_at is not None]
        if not more or not page or (made and max(made) < earliest):
            return


def _page(account: Account, page: Sequence[VaultCertificate]) -> None:
    work = account.work
    with work.bridge.database.read() as conn:
        rows = vault_rows.by_uuids(conn, [item.uuid for item in page])
    known = [(rows[item.uuid], item) for item in page if item.uuid in rows]
    ours = [(row, item) for row, item in known if row.site_id == work.site.id]
    account.listed |= {hash(row.id) for row, _ in ours}
    _told(account, ours)
    strangers.look(account, [item for item in page if item.uuid not in rows])


def _told(account: Account, found: Sequence[tuple[sa.Row[Any], VaultCertificate]]) -> None:
    """What the vault says of our issuances of this site."""
    work = account.work
    seen = (compared.compare(work, row, item) for row, item in found)
    work.see([one for one in seen if one is not None])
    _note_revoked(work, [row for row, item in found if item.status == REVOKED])


def _unlisted(account: Account) -> None:
    """Ask for those that must be at the vault and were not in its list."""
    work = account.work
    after = before("is", work.run.since)
    while True:
        with work.bridge.database.read() as conn:
            now = work.bridge.database.now(conn)
            rows = vault_rows.at_vault(
                conn,
                work.site.id,
                account.issuer.id,
                since=work.run.since,
                until=now - work.bridge.settings.reconcile_grace,
                after=after,
                limit=BATCH,
            )
            absent = {compared.key_of(r): r for r in rows if hash(r.id) not in account.listed}
            noted = differences.by_keys(conn, absent)
        _ask(account, absent, noted, now=now)
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def _ask(
    account: Account,
    absent: Mapping[str, sa.Row[Any]],
    noted: Mapping[str, sa.Row[Any]],
    *,
    now: datetime,
) -> None:
    seen: list[Seen] = []
    for name, row in absent.items():
        known = noted.get(name)
        if known is not None and _still_missing(account.work, known, now=now):
            seen.append(differences.again(known))
        elif account.views > 0:
            now = account.work.renew()
            item = account.view(row.vault_uuid)
            if item is None:
                seen.append(_missing(account, row, now=now))
            else:
                _told(account, [(row, item)])
    account.work.see(seen)


def _still_missing(work: Work, known: sa.Row[Any], *, now: datetime) -> bool:
    lately = known.asked_at is not None and now - known.asked_at < ASK_AGAIN
    open_ = known.cause == MISSING_AT_VAULT and known.state == DifferenceState.OPEN
    return open_ and lately and work.run.who == PIPELINE


def _missing(account: Account, row: sa.Row[Any], *, now: datetime) -> Seen:
    return compared.difference(
        row,
        MISSING_AT_VAULT,
        problem=f"The vault of the issuer {account.issuer.name} neither lists nor knows "
        f"{row.reference_id or row.vault_uuid}.",
        remedy="First see that its token is of the right account, and ask the vault's operator "
        f"whether something was restored there: `vaultbridge issuer check {account.issuer.name}`. "
        "Only if it is lost for good, have it issued again.",
        command=account.work.fix_command(MISSING_AT_VAULT),
        asked_at=now,
    )


def _revoked(account: Account) -> None:
    """Those that were revoked, however long ago they were issued."""
    for number in count(1):
        account.work.renew()
        page, more = account.vault.page(number, status=REVOKED)
        revoked = [item.uuid for item in page if item.status == REVOKED]
        with account.work.bridge.database.read() as conn:
            rows = vault_rows.by_uuids(conn, revoked)
        _note_revoked(account.work, list(rows.values()))
        if not more or not revoked:
            return


def _note_revoked(work: Work, rows: Sequence[sa.Row[Any]]) -> None:
    """Believe the vault: the learner's page says so from now on, and the gradebook is told.

    That is no mending: nothing is issued, and a gradebook that said otherwise would lie.
    """
    mine = [row for row in rows if row.site_id == work.site.id and _stood(row)]
    if not mine:
        return
    with work.write() as (conn, now):
        for row in mine:
            issuances.change(conn, row.id, now=now, vault_status=REVOKED)
            events.record(conn, row.id, "revoked at the vault", at=now, detail=work.run.id)
        write_backs.make_due(conn, [row.id for row in mine], now=now)
        work.see_in(conn, [_revocation(row) for row in mine], now=now)
    work.bridge.ring("write_back")


def _stood(row: sa.Row[Any]) -> bool:
    return bool(row.state == IssuanceState.GENERATED and row.vault_status != REVOKED)


def _revocation(row: sa.Row[Any]) -> Seen:
    return compared.difference(
        row,
        REVOKED_AT_VAULT,
        problem=f"{row.reference_id} was revoked at the vault.",
        remedy="Nothing, if that was meant: the learner's page and the gradebook say so. Otherwise "
        "ask the vault's operator.",
        command=f"vaultbridge show {row.id}",
        state=DifferenceState.MENDED,
    )
