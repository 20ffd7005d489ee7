"""How a holder shows a certificate to others: the page that verifies it, and LinkedIn's form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa

from vault.addresses import Addresses

LINKEDIN = "https://www.linkedin.com/profile/add"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Where one certificate is shown; both addresses are public."""

    verification: str
    linkedin: str


def share(row: sa.Row[Any], addresses: Addresses) -> Share:
    """Return what a holder may pass on: never the page that downloads, which is theirs alone.

    LinkedIn's "add to profile" form comes filled in (addtoprofile.linkedin.com).
    """
    verification = addresses.verification(row.reference_id)
    issued: date | None = row.issue_date
    fields = {
        "startTask": "CERTIFICATION_NAME",
        "name": row.certificate_title,
        "organizationName": row.institution_name,
        "issueYear": issued and issued.year,
        "issueMonth": issued and issued.month,
        "certUrl": verification,
        "certId": row.reference_id,
    }
    given = {name: value for name, value in fields.items() if value}
    return Share(verification=verification, linkedin=f"{LINKEDIN}?{urlencode(given)}")
