"""Look at the vault for a certificate that an earlier attempt may have made, and prove it ours."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.vault_client import VaultCertificate, VaultClient

#: Clocks differ; a certificate made this much before our first attempt can still be ours.
CLOCK_SKEW = timedelta(minutes=5)
MOST_PAGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the vault holds under our e-mail, title and date."""

    ours: VaultCertificate | None = None
    foreign: VaultCertificate | None = None


def look(vault: VaultClient, row: sa.Row[Any], *, since: datetime) -> Found:
    """Search every page and status for the issuance's key; believe only proof.

    Proof is our mark in the details; where a vault does not show details, the same name on a
    certificate made since our first attempt. Raises Unavailable, Forbidden.
    """
    foreign = None
    for listed in _listed(vault, row.applicant_email):
        if not _same_key(listed, row):
            continue
        whole = vault.view(listed.uuid) or listed
        if _is_ours(whole, row, since=since):
            return Found(ours=whole)
        foreign = whole
    return Found(foreign=foreign)


def _listed(vault: VaultClient, email: str) -> list[VaultCertificate]:
    found: list[VaultCertificate] = []
    for number in range(1, MOST_PAGES + 1):
        page, more = vault.page(number, email=email)
        found += page
        if not more:
            break
    return found


def _same_key(listed: VaultCertificate, row: sa.Row[Any]) -> bool:
    return (
        listed.applicant_email.casefold() == row.applicant_email.casefold()
        and _plain(listed.certificate_title) == _plain(row.certificate_title)
        and listed.issue_date == row.issue_date.isoformat()
    )


def _is_ours(whole: VaultCertificate, row: sa.Row[Any], *, since: datetime) -> bool:
    if whole.source not in (None, "vault") or _plain(whole.full_name) != _plain(row.full_name):
        return False
    if whole.details is not None:
        return f"Ref {row.ref}" in whole.details
    return whole.created_at is not None and whole.created_at >= since - CLOCK_SKEW


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
