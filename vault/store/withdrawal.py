"""Certificates that are withdrawn: revoked, or their holder's data erased."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from runtime.translations import mark
from vault.certificate import Status
from vault.erasure import trace
from vault.store import certificates, notices, search, uploads, webhook_deliveries
from vault.store.tables import certificate
from vault.store.webhook_deliveries import announce
from vault.webhooks.events import Event

NEVER_ISSUED = mark("The holder's data was erased before the certificate was issued.")

#: What has come to an end, and not to a valid certificate.
INVALID = (Status.FAILED.value, Status.REVOKED.value)
#: An erased certificate's values.
NOBODY = MappingProxyType(
    {
        "full_name": "",
        "applicant_email": "",
        "email_key": "",
        "details": None,
        "natural_key": None,  # a hash of the e-mail
        "uploaded_file_id": None,
        "verified_file_id": None,
    }
)


class NoSuchCertificate(LookupError):
    """The institution has no certificate with that uuid."""


class NoReplacement(LookupError):
    """What is to replace a certificate is not another, valid certificate of the institution."""


class AlreadyErased(Exception):
    """The holder's data is gone; no more can be erased, and it cannot be revoked for a holder."""


def revoke(
    conn: sa.Connection,
    uuid: str,
    *,
    institution_id: int,
    reason: str,
    replaced_by: str | None,
    now: datetime,
) -> int:
    """Revoke a certificate and free its natural key; return how many webhooks are to tell of it.

    One that is revoked already keeps its date and takes the new reason, and the replacement if one
    is named: often it can be uploaded only once the key is free.

    Raises NoSuchCertificate, NoReplacement.
    """
    row = _locked(conn, uuid, institution_id)
    values: dict[str, Any] = {"revocation_reason": reason}
    if replaced_by is not None:
        values["replaced_by_id"] = _replacement(conn, replaced_by, row, institution_id)
    _write(conn, row.id, **_revoked(row, now), **values, updated_at=now)
    if row.revoked_at is not None:
        return 0
    return announce(
        conn,
        {Event.REVOKED: {"reason": reason, "replaced_by": replaced_by}},
        institution_id=institution_id,
        certificate_ids=[row.id],
        now=now,
    )


def erase(conn: sa.Connection, uuid: str, *, institution_id: int, now: datetime) -> Sequence[str]:
    """Erase name, e-mail, details and files; return the hashes of the files' contents.

    What had been issued stays genuine; what had not is revoked. Whoever keeps a holder's data in
    other tables erases it in this transaction.

    Raises NoSuchCertificate, AlreadyErased.
    """
    row = _locked(conn, uuid, institution_id)
    if row.erased_at is not None:
        raise AlreadyErased
    left = trace(
        full_name=row.full_name, email=row.applicant_email, verified_sha256=row.verified_sha256
    )
    ended: dict[str, Any] = {}
    if row.status not in (Status.GENERATED.value, Status.REVOKED.value):
        ended = {**_revoked(row, now), "revocation_reason": NEVER_ISSUED}
    _write(
        conn,
        row.id,
        **{**ended, **NOBODY},
        erased_at=now,
        erased_salt=left.salt,
        erased_holder=left.holder,
        erased_file=left.file,
        updated_at=now,
    )
    left_to_find = (row.certificate_title, row.reference_id)
    search.leave(conn, row.id, left_to_find, institution_id=institution_id)
    webhook_deliveries.erase(conn, row.id, now)
    notices.forget(conn, row.id)
    ids = [id for id in (row.uploaded_file_id, row.verified_file_id) if id is not None]
    return uploads.forget(conn, ids)


def _revoked(row: sa.Row[Any], now: datetime) -> dict[str, Any]:
    """A revoked certificate's values; a worker that holds it loses it by the fence."""
    return {
        "status": Status.REVOKED.value,
        "revoked_at": row.revoked_at or now,
        "natural_key": None,
        "problem": None,
        "next_run_at": None,
        "lease_owner": None,
        "lease_until": None,
        "fence": certificate.c.fence + 1,
    }


def _replacement(conn: sa.Connection, uuid: str, replaced: sa.Row[Any], institution_id: int) -> int:
    row = certificates.find(conn, uuid, institution_id=institution_id)
    if row is None or row.id == replaced.id or row.status in INVALID or row.erased_at:
        raise NoReplacement
    return int(row.id)


def _locked(conn: sa.Connection, uuid: str, institution_id: int) -> sa.Row[Any]:
    """The certificate, which nobody else changes until the transaction ends."""
    mine = sa.and_(certificate.c.uuid == uuid, certificate.c.institution_id == institution_id)
    conn.execute(sa.select(certificate.c.id).where(mine).with_for_update())
    row = certificates.find(conn, uuid, institution_id=institution_id)
    if row is None:
        raise NoSuchCertificate
    return row


def _write(conn: sa.Connection, id: int, **values: Any) -> None:
    conn.execute(sa.update(certificate).where(certificate.c.id == id).values(**values))
