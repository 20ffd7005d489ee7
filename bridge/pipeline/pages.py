"""The certificate page of an issuance: its frozen entry, on its issuer's paper."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bridge.certificates.page import Page


def page_of(row: sa.Row[Any], issuer: sa.Row[Any]) -> Page:
    """The page to print for an issuance."""
    chosen = row.certificate
    return Page(
        template=chosen["template"],
        language=row.language,
        paper=chosen["paper"],
        full_name=row.full_name,
        title=row.certificate_title,
        details=chosen["details"],
        issue_date=row.issue_date,
        expires_on=row.expires_on,
        institution_name=issuer.institution_name,
        logo=issuer.logo,
        signatory_name=issuer.signatory_name,
        signatory_role=issuer.signatory_role,
        parameters=chosen["parameters"],
    )
