"""Certificates at the vault that no issuance of ours has: lost, doubled, or somebody else's.

Ours are known by the mark in their details. A list may not show details: then each is asked for
once, by itself, and what it was is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.adopt import MARK
from bridge.pipeline.reconcile.books import Books
from bridge.pipeline.reconcile.causes import DOUBLED_AT_VAULT, FOREIGN, NOT_ADOPTED, OURS_UNKNOWN
from bridge.store import differences, vault_rows
from bridge.store.differences import Seen, key
from bridge.store.states import IssuanceState
from bridge.vault_client import VaultCertificate
from mappings import engine

#: A second one of these states is not a second certificate.
VOID = frozenset({"revoked", "failed"})
#: Who a certificate is from that the institution uploaded.
UPLOADED = "vault"
SET_ASIDE = (IssuanceState.HELD, IssuanceState.FAILED)


def look(books: Books, items: Sequence[VaultCertificate]) -> None:
    """Find out what each of these is; what cannot be found out now is looked at the next time."""
    work = books.work
    keys = {item.uuid: _natural_key(books.issuer.id, item) for item in items}
    names = {item.uuid: key("stranger", books.issuer.id, item.uuid) for item in items}
    with work.bridge.database.read() as conn:
        now = work.bridge.database.now(conn)
        owners = vault_rows.by_keys(conn, [k for k in keys.values() if k is not None])
        noted = differences.by_keys(conn, list(names.values()))
    settled = now - work.bridge.settings.reconcile_grace
    seen = []
    try:
        for item in items:
            if item.source not in (None, UPLOADED) or _is_after(item, settled):
                continue
            owner = owners.get(keys[item.uuid] or "")
            found = _judged(books, item, names[item.uuid], owner, noted, now=now)
            seen += [] if found is None else [found]
    finally:  # also where the vault says no more: those need not be asked for again
        work.see(seen)


def _is_after(item: VaultCertificate, moment: datetime) -> bool:
    return item.created_at is not None and item.created_at > moment


def _natural_key(issuer_id: str, item: VaultCertificate) -> str | None:
    """The key an issuance of this certificate would have."""
    try:
        day = date.fromisoformat(item.issue_date or "")
    except ValueError:
        return None
    entry = engine.Entry(
        certificate_title=item.certificate_title,
        full_name=item.full_name,
        applicant_email=item.applicant_email,
        issue_date=day,
        details="",
        language="en",
        trace=(),
    )
    return engine.natural_key(issuer_id, entry)


def _judged(
    books: Books,
    item: VaultCertificate,
    name: str,
    owner: sa.Row[Any] | None,
    noted: Mapping[str, sa.Row[Any]],
    *,
    now: datetime,
) -> Seen | None:
    if owner is not None and owner.vault_uuid is not None:
        return _second(books, item, name, owner, now=now)
    if owner is not None and owner.state not in SET_ASIDE:
        return None  # on its way: the step that follows it finds it
    before = noted.get(name)
    if before is not None and (owner is None or before.cause != NOT_ADOPTED):
        return differences.again(before)
    details = _details(books, item)
    if details is None:
        return None
    mark = MARK.search(details)
    if owner is not None:
        return _unadopted(books, item, name, owner, mark, now=now)
    return _unknown(books, item, name, mark, now=now)


def _details(books: Books, item: VaultCertificate) -> str | None:
    """Empty where the vault shows none at all; None while too many were asked for."""
    if item.details is not None:
        return item.details
    if books.views <= 0:
        return None
    whole = books.view(item.uuid)
    return (whole.details if whole is not None else None) or ""


def _second(
    books: Books, item: VaultCertificate, name: str, owner: sa.Row[Any], *, now: datetime
) -> Seen | None:
    if item.status in VOID or owner.vault_status in VOID:
        return None
    if owner.site_id != books.work.site.id:
        return None  # of another site of ours, whose run tells it
    return Seen(
        key=name,
        cause=DOUBLED_AT_VAULT,
        at=item.created_at or now,
        problem=f"{item.reference_id or item.uuid} has the e-mail address, title and issue date of "
        f"{owner.reference_id or owner.vault_uuid}, which is ours.",
        remedy="See at the vault who made it. If both must not stand, have the one revoked that "
        f"the learner was not told: {item.reference_id or item.uuid} (ours: `certvault revoke`).",
        command=f"vaultbridge show {owner.id}",
        course_id=owner.course_id,
        learner_id=owner.learner_id,
        subject=owner.id,
        reference_id=item.reference_id,
    )


def _unadopted(
    books: Books,
    item: VaultCertificate,
    name: str,
    owner: sa.Row[Any],
    mark: re.Match[str] | None,
    *,
    now: datetime,
) -> Seen | None:
    if mark is None or mark[1] != owner.ref or owner.site_id != books.work.site.id:
        return None  # somebody else's: the issuance is held for that, and says so
    return Seen(
        key=name,
        cause=NOT_ADOPTED,
        at=item.created_at or now,
        problem=f"The vault has {item.reference_id or item.uuid} with the mark of {owner.id}, "
        f"which is {owner.state} here.",
        remedy="Mending takes it as the issuance's certificate.",
        command=books.work.fix_command(),
        course_id=owner.course_id,
        learner_id=owner.learner_id,
        subject=owner.id,
        reference_id=item.reference_id,
        data={"uuid": item.uuid, "status": item.status},
        asked_at=now,
    )


def _unknown(
    books: Books,
    item: VaultCertificate,
    name: str,
    mark: re.Match[str] | None,
    *,
    now: datetime,
) -> Seen:
    told = item.reference_id or item.uuid
    if mark is None:
        problem = (
            f"The vault of {books.issuer.name} has {told}, without a mark of this program, and "
            "no issuance has it."
        )
        remedy = "Nothing, if certificates are uploaded there by hand or by another system."
    else:
        problem = (
            f"The vault of {books.issuer.name} has {told} with a mark of this program "
            f"(Ref {mark[1]}), and no issuance has it."
        )
        remedy = (
            "It was made by another installation with this token, or after the backup that this "
            "database was restored from. Do not delete it; compare it with the learner's others."
        )
    return Seen(
        key=name,
        cause=FOREIGN if mark is None else OURS_UNKNOWN,
        at=item.created_at or now,
        problem=problem,
        remedy=remedy,
        command=None if mark is None else "vaultbridge differences --cause ours_unknown",
        subject=item.uuid,
        reference_id=item.reference_id,
        asked_at=now,
    )
