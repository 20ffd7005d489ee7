"""Certificates as somebody sees them who is no institution: by a file, by a link, by what replaced.

Whose a certificate is does not matter here: who asks has shown the file, or holds a signed link.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from vault.certificate import Status
from vault.store import certificates
from vault.store.customers import ISSUED
from vault.store.tables import certificate, file

#: Of certificates made from the very same file, so many are told.
MOST_TOLD = 10


def by_uuid(conn: sa.Connection, uuid: str) -> sa.Row[Any] | None:
    """The certificate that a holder's link names."""
    found = sa.select(certificate.c.id).where(certificate.c.uuid == uuid)
    id = conn.execute(found).scalar_one_or_none()
    return None if id is None else certificates.get(conn, id)


def by_verified_file(conn: sa.Connection, sha256: str) -> sa.Row[Any] | None:
    """The certificate whose verified PDF has this hash."""
    found = (
        sa.select(certificate.c.id)
        .join(file, file.c.id == certificate.c.verified_file_id)
        .where(file.c.sha256 == sha256)
        .order_by(certificate.c.id.desc())
    )
    id = conn.execute(found.limit(1)).scalar_one_or_none()
    return None if id is None else certificates.get(conn, id)


def made_from(conn: sa.Connection, sha256: str) -> Sequence[str]:
    """The reference ids of issued certificates that were made from a file with this hash."""
    return (
        conn.execute(
            sa.select(certificate.c.reference_id)
            .join(file, file.c.id == certificate.c.uploaded_file_id)
            .where(file.c.sha256 == sha256, certificate.c.status.in_(ISSUED))
            .order_by(certificate.c.id.desc())
            .limit(MOST_TOLD)
        )
        .scalars()
        .all()
    )


def replacement(conn: sa.Connection, row: sa.Row[Any]) -> str | None:
    """The reference id of what replaced a certificate, if it was issued."""
    wanted = sa.and_(
        certificate.c.id == row.replaced_by_id,
        certificate.c.status.in_([*ISSUED, Status.PROCESSING.value]),
    )
    return conn.execute(sa.select(certificate.c.reference_id).where(wanted)).scalar_one_or_none()
