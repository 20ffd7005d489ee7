"""One certificate as the vault tells it against one issuance of ours."""

from __future__ import annotations

import unicodedata
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.reconcile.causes import ENTRY_DIFFERS, REFERENCE_DIFFERS, STATUS_DIFFERS
from bridge.pipeline.reconcile.work import Work
from bridge.store.differences import Seen, key
from bridge.store.states import IssuanceState
from bridge.vault_client import VaultCertificate

REVOKED, GENERATED = "revoked", "generated"


def compare(work: Work, row: sa.Row[Any], told: VaultCertificate) -> Seen | None:
    """What is the matter with it; None for nothing. Revocations are no matter of this."""
    if told.status == REVOKED or row.state == IssuanceState.ERASED:
        return None
    if told.reference_id and row.reference_id and told.reference_id != row.reference_id:
        return difference(
            row,
            REFERENCE_DIFFERS,
            problem=f"The vault calls it {told.reference_id}, the learner was told "
            f"{row.reference_id}.",
            remedy="Mending takes the vault's, and tells the gradebook.",
            command=work.fix_command(),
            data={"reference_id": told.reference_id},
        )
    other = _other_words(row, told)
    if other:
        return difference(
            row,
            ENTRY_DIFFERS,
            problem=f"The vault has another {', '.join(other)} than was sent.",
            remedy="Ask the vault's operator who changed it, or whether another certificate has "
            "taken its place.",
            command=f"vaultbridge show {row.id}",
        )
    if row.state == IssuanceState.GENERATED and told.status != (row.vault_status or GENERATED):
        return difference(
            row,
            STATUS_DIFFERS,
            problem=f"The vault says {told.status}, and said {row.vault_status or GENERATED}.",
            remedy="Ask the vault's operator what happened to it.",
            command=f"vaultbridge show {row.id}",
        )
    return None


def _other_words(row: sa.Row[Any], told: VaultCertificate) -> list[str]:
    """Which words of the entry the vault tells otherwise; spaces and case make no difference."""
    date = row.issue_date.isoformat() if row.issue_date else None
    pairs = {
        "title": (row.certificate_title, told.certificate_title),
        "name": (row.full_name, told.full_name),
        "e-mail address": (row.applicant_email, told.applicant_email),
        "issue date": (date, told.issue_date),
    }
    # What a vault does not tell, or has erased, is not another word.
    return [
        name for name, (ours, theirs) in pairs.items() if theirs and _plain(ours) != _plain(theirs)
    ]


def _plain(text: str | None) -> str:
    return " ".join(unicodedata.normalize("NFC", text or "").casefold().split())


def key_of(row: sa.Row[Any]) -> str:
    """What an issuance's certificate at its vault is known by."""
    return key("vault", row.id)


def difference(row: sa.Row[Any], cause: str, *, problem: str, remedy: str, **values: Any) -> Seen:
    """A difference about an issuance's certificate at its vault."""
    return Seen(
        key=key_of(row),
        cause=cause,
        at=row.created_at,
        problem=problem,
        remedy=remedy,
        course_id=row.course_id,
        learner_id=row.learner_id,
        subject=row.id,
        reference_id=row.reference_id,
        **values,
    )
