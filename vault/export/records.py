"""An export's records: everything the vault knows of a certificate, by the API's names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias

import sqlalchemy as sa

from vault.addresses import Addresses
from vault.certificate import Status
from vault.kinds import FileKind
from vault.webhooks.events import iso

#: JSON.
Record: TypeAlias = dict[str, Any]

#: The kinds of files a record may name: the field, and the folder in which they lie.
FOLDERS = MappingProxyType({"verified_file": "verified", "uploaded_file": "uploaded"})
ENDINGS = MappingProxyType(
    {FileKind.PDF.value: "pdf", FileKind.JPEG.value: "jpg", FileKind.PNG.value: "png"}
)
#: Where the year stands in a reference id.
YEAR = slice(7, 11)


def record(row: sa.Row[Any], notices: Iterable[sa.Row[Any]], addresses: Addresses) -> Record:
    """What is known of a certificate. The ``path`` of its files is null until they are there."""
    return {
        "id": row.id,
        "uuid": row.uuid,
        "reference_id": row.reference_id,
        "institution_id": row.institution_id,
        "institution_name": row.institution_name,
        "certificate_title": row.certificate_title,
        "full_name": row.full_name or None,
        "applicant_email": row.applicant_email or None,
        "issue_date": row.issue_date.isoformat() if row.issue_date else None,
        "details": row.details,
        "source": row.source,
        "status": row.status,
        "batch_id": row.batch_uuid,
        "verification_url": addresses.verification(row.reference_id),
        "verification_notes": row.verification_notes,
        "rejection_reason": row.problem if row.status == Status.FAILED.value else None,
        "verified_at": _moment(row.verified_at),
        "assigned_at": _moment(row.assigned_at),
        "revoked_at": _moment(row.revoked_at),
        "revocation_reason": row.revocation_reason,
        "replaced_by": row.replaced_by_uuid,
        "replaced_by_reference_id": row.replaced_by_reference_id,
        "erased_at": _moment(row.erased_at),
        "erased_salt": row.erased_salt,
        "erased_holder": row.erased_holder,
        "erased_file": row.erased_file,
        "created_at": _moment(row.created_at),
        "updated_at": _moment(row.updated_at),
        "verified_file": _file(row.verified_sha256, FileKind.PDF.value),
        "uploaded_file": _file(row.uploaded_sha256, row.uploaded_mime_type, row.uploaded_name),
        "notices": [_notice(one) for one in notices],
    }


def _file(sha256: str | None, mime_type: str | None, name: str | None = None) -> Record | None:
    if sha256 is None:
        return None
    own = {"name": name} if name is not None else {}
    return {"path": None, "sha256": sha256, "mime_type": mime_type, **own}


def _notice(row: sa.Row[Any]) -> Record:
    return {
        "kind": row.kind,
        "to_address": row.to_address,
        "language": row.language,
        "state": row.state,
        "sends": row.sends,
        "created_at": _moment(row.created_at),
        "ended_at": _moment(row.ended_at),
    }


def paths(of: Record, field: str) -> Sequence[str]:
    """Where a certificate's file lies, or may have been put by a run that was interrupted."""
    file = of[field]
    endings = ENDINGS.values() if file is None else [ENDINGS[file["mime_type"]]]
    place = f"{FOLDERS[field]}/{of['reference_id'][YEAR]}/{of['reference_id']}"
    return [f"{place}.{ending}" for ending in endings]


def institution(row: sa.Row[Any], key: sa.Row[Any] | None) -> Record:
    """What is known of an institution, and as whom it signs; no secrets."""
    return {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "phone_number": row.phone_number,
        "language": row.language,
        "created_at": _moment(row.created_at),
        "signing_key": key and {"subject": key.subject, "valid_until": _moment(key.valid_until)},
    }


def _moment(when: datetime | None) -> str | None:
    return iso(when) if when else None
