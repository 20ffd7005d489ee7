"""An export's table of certificates, for spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime.spreadsheets import write

#: The columns of certificates.csv, and where they stand in a record.
COLUMNS: Mapping[str, Sequence[str]] = {
    "reference_id": ["reference_id"],
    "status": ["status"],
    "certificate_title": ["certificate_title"],
    "full_name": ["full_name"],
    "applicant_email": ["applicant_email"],
    "issue_date": ["issue_date"],
    "details": ["details"],
    "institution_name": ["institution_name"],
    "batch_id": ["batch_id"],
    "verification_url": ["verification_url"],
    "verification_notes": ["verification_notes"],
    "rejection_reason": ["rejection_reason"],
    "verified_at": ["verified_at"],
    "revoked_at": ["revoked_at"],
    "revocation_reason": ["revocation_reason"],
    "replaced_by": ["replaced_by_reference_id"],
    "erased_at": ["erased_at"],
    "created_at": ["created_at"],
    "updated_at": ["updated_at"],
    "uuid": ["uuid"],
    "verified_file": ["verified_file", "path"],
    "verified_sha256": ["verified_file", "sha256"],
    "uploaded_file": ["uploaded_file", "path"],
    "uploaded_name": ["uploaded_file", "name"],
    "uploaded_sha256": ["uploaded_file", "sha256"],
}


def certificates(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write certificates.csv."""
    rows = ([_at(record, place) for place in COLUMNS.values()] for record in records)
    write(path, list(COLUMNS), rows)


def _at(record: Mapping[str, Any], place: Sequence[str]) -> str | None:
    found: Any = record
    for step in place:
        found = (found or {}).get(step)
    return found if found is None else str(found)
