"""Certificates that are valid for a time, by their last day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from bridge.store.states import IssuanceState
from bridge.store.tables import completion, issuance, site

_later = issuance.alias("later")
#: The learner has a certificate of the same course by the same mapping that is valid longer.
_RENEWED = (
    sa.exists()
    .where(
        _later.c.site_id == issuance.c.site_id,
        _later.c.learner_id == issuance.c.learner_id,
        _later.c.course_id == issuance.c.course_id,
        _later.c.mapping_name == issuance.c.mapping_name,
        _later.c.state == IssuanceState.GENERATED,
        _later.c.vault_status.is_distinct_from("revoked"),
        sa.or_(
            _later.c.expires_on > issuance.c.expires_on,
            _later.c.expires_on.is_(None),
            # Also where its vault could not revoke what was corrected.
            _later.c.replaces == issuance.c.id,
        ),
    )
    .correlate(issuance)
)


def expiring(
    conn: sa.Connection, *, first: date, last: date, site_id: str | None = None
) -> Sequence[Mapping[Any, Any]]:
    """Certificates that stand, are not renewed, and end between two days, the first to end first.

    With the site's name and the completion's data.
    """
    query = (
        sa.select(issuance, site.c.name.label("site"), completion.c.data.label("completion_data"))
        .join(site, site.c.id == issuance.c.site_id)
        .join(completion, completion.c.id == issuance.c.completion_id)
        .where(
            issuance.c.expires_on.between(first, last),
            issuance.c.state == IssuanceState.GENERATED,
            issuance.c.vault_status.is_distinct_from("revoked"),
            sa.not_(_RENEWED),
        )
    )
    if site_id is not None:
        query = query.where(issuance.c.site_id == site_id)
    rows = conn.execute(query.order_by(issuance.c.expires_on, issuance.c.id))
    return rows.mappings().all()
