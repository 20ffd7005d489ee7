"""The certificates at an issuer's vault against our issuances: each there, once, as we sent it.

By list pages, newest first, as far back as the run looks; now and then revoked ones by a list of
their own, however old. Only what a list cannot settle is asked for by itself, a few a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import account as accounts
from bridge.pipeline.account import Account
from bridge.pipeline.reconcile import compared, strangers, walk
from bridge.pipeline.reconcile.books import Books
from bridge.pipeline.reconcile.causes import MISSING_AT_VAULT, REVOKED_AT_VAULT
from bridge.pipeline.reconcile.walk import Leg
from bridge.pipeline.reconcile.work import Looked, NotCompared, Work
from bridge.store import differences, events, issuances, vault_rows, write_backs
from bridge.store.differences import Seen
from bridge.store.events import PIPELINE
from bridge.store.ids import before
from bridge.store.states import DifferenceState, IssuanceState
from bridge.vault_client import VaultCertificate, VaultError
from runtime.crashpoint import crashpoint
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


def compare(work: Work, *, issuer_id: str) -> Looked:
    """Compare one issuer's certificates; raises VaultError, NotCompared, LeaseLost."""
    account = _account(work, issuer_id)
    books = Books(work=work, account=account, walk=walk.of(work, issuer_id), views=MOST_VIEWS)
    try:
        while books.walk.leg is not None:
            _LEGS[books.walk.leg](books)
            books.walk.go_on()
    except VaultError as exc:
        with work.write() as (conn, now):
            accounts.heard(work.bridge, conn, account, [exc], now=now)
            walk.keep(conn, work, issuer_id, books.walk)
        raise
    with work.write() as (conn, _):
        walk.keep(conn, work, issuer_id, books.walk)
    return Looked(count=len(books.walk.found))


def _account(work: Work, issuer_id: str) -> Account:
    try:
        account = accounts.of(work.bridge, issuer_id)
    except KeyProblem as exc:
        remedy = "Enter the issuer's token again: `vaultbridge issuer rotate`."
        raise NotCompared(str(exc), remedy=remedy) from exc
    issuer = account.issuer
    if issuer.paused_at is not None:
        problem = f"The issuer {issuer.name} is stopped: {issuer.problem}"
        raise NotCompared(problem, remedy=issuer.remedy)
    if not account.usable:
        raise NotCompared(
            f"The vault of the issuer {issuer.name} does not answer, or asked to be left alone.",
            remedy="Nothing: it is asked again by itself.",
        )
    return account


def _listed(books: Books) -> None:
    earliest = books.work.run.since - SKEW
    for page in books.pages():
        _page(books, page)
        made = [item.created_at for item in page if item.created_at is not None]
        if made and max(made) < earliest:
            return


def _page(books: Books, page: Sequence[VaultCertificate]) -> None:
    work = books.work
    with work.bridge.database.read() as conn:
        rows = vault_rows.by_uuids(conn, [item.uuid for item in page])
    known = [(rows[item.uuid], item) for item in page if item.uuid in rows]
    ours = [(row, item) for row, item in known if row.site_id == work.site.id]
    _told(books, ours)
    strangers.look(books, [item for item in page if item.uuid not in rows])


def _told(books: Books, found: Sequence[tuple[sa.Row[Any], VaultCertificate]]) -> None:
    """What the vault says of our issuances of this site."""
    work = books.work
    for row, _ in found:
        books.walk.find(row)
    seen = (compared.compare(work, row, item) for row, item in found)
    work.see([one for one in seen if one is not None])
    _note_revoked(work, [row for row, item in found if item.status == REVOKED])


def _unlisted(books: Books) -> None:
    """Ask for those that must be at the vault and were not in its list."""
    work = books.work
    after = before("is", work.run.since)
    while True:
        with work.bridge.database.read() as conn:
            now = work.bridge.database.now(conn)
            rows = vault_rows.at_vault(
                conn,
                work.site.id,
                books.issuer.id,
                since=work.run.since,
                until=books.walk.began_at - work.bridge.settings.reconcile_grace,
                after=after,
                limit=BATCH,
            )
            absent = {compared.key_of(r): r for r in rows if not books.walk.has_found(r)}
            noted = differences.by_keys(conn, absent)
        _ask(books, absent, noted, now=now)
        if len(rows) < BATCH:
            return
        after = rows[-1].id


def _ask(
    books: Books,
    absent: Mapping[str, sa.Row[Any]],
    noted: Mapping[str, sa.Row[Any]],
    *,
    now: datetime,
) -> None:
    seen: list[Seen] = []
    try:
        for name, row in absent.items():
            known = noted.get(name)
            if known is not None and _still_missing(books.work, known, now=now):
                seen.append(differences.again(known))
            elif books.views > 0:
                item = books.view(row.vault_uuid)
                if item is None:
                    seen.append(_missing(books, row, now=now))
                else:
                    _told(books, [(row, item)])
    finally:  # also where the vault says no more
        books.work.see(seen)


def _still_missing(work: Work, known: sa.Row[Any], *, now: datetime) -> bool:
    lately = known.asked_at is not None and now - known.asked_at < ASK_AGAIN
    open_ = known.cause == MISSING_AT_VAULT and known.state == DifferenceState.OPEN
    return open_ and lately and work.run.who == PIPELINE


def _missing(books: Books, row: sa.Row[Any], *, now: datetime) -> Seen:
    return compared.difference(
        row,
        MISSING_AT_VAULT,
        problem=f"The vault of the issuer {books.issuer.name} neither lists nor knows "
        f"{row.reference_id or row.vault_uuid}.",
        remedy="First see that its token is of the right account, and ask the vault's operator "
        f"whether something was restored there: `vaultbridge issuer check {books.issuer.name}`. "
        "Only if it is lost for good, have it issued again.",
        command=books.work.fix_command(MISSING_AT_VAULT),
        asked_at=now,
    )


def _revoked(books: Books) -> None:
    """Those that were revoked, however long ago they were issued."""
    if not books.walk.reads_revoked:
        return
    for page in books.pages(status=REVOKED):
        revoked = [item.uuid for item in page if item.status == REVOKED]
        with books.work.bridge.database.read() as conn:
            rows = vault_rows.by_uuids(conn, revoked)
        _note_revoked(books.work, list(rows.values()))
        if not revoked:  # a vault that does not know the filter lists them all
            break
    books.walk.revoked_at = books.work.renew()


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
        crashpoint("reconcile.believing")
    crashpoint("reconcile.believed")
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


_LEGS: Mapping[Leg, Callable[[Books], None]] = {
    Leg.LIST: _listed,
    Leg.UNLISTED: _unlisted,
    Leg.REVOKED: _revoked,
}
