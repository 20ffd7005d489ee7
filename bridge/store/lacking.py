"""Issuances that are held for what the LMS did not tell, or told badly: it may tell it by now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.failures import of_cause
from bridge.store.states import CompletionState, IssuanceState
from bridge.store.tables import completion, issuance, site

#: What such causes begin with. What a person holds has others.
CAUSES = ("complete.missing", "complete.doubtful", "complete.invalid.applicant_email")


def _lacks() -> sa.ColumnElement[bool]:
    of_causes = sa.or_(*(of_cause(issuance, cause) for cause in CAUSES))
    return sa.and_(issuance.c.state == IssuanceState.HELD, of_causes)


def of_completion(conn: sa.Connection, completion_id: str) -> Sequence[sa.Row[Any]]:
    """Those of one completion."""
    return conn.execute(
        sa.select(issuance).where(issuance.c.completion_id == completion_id, _lacks())
    ).all()


def make_due(
    conn: sa.Connection, *, not_since: datetime, held_after: datetime, a_site: int, now: datetime
) -> int:
    """Have the completions of some be looked at, ``a_site`` at most; return how many.

    Those that were not looked at ``not_since`` then, nor came since, and are held ``held_after``
    then. What is looked at, or due, is left alone.
    """
    here = sa.select(site.c.id).where(site.c.removed_at.is_(None))
    made = 0
    for site_id in conn.execute(here).scalars().all():
        ids = (
            sa.select(completion.c.id)
            .join(issuance, issuance.c.completion_id == completion.c.id)
            .where(
                completion.c.site_id == site_id,
                issuance.c.site_id == site_id,
                completion.c.state == CompletionState.MAPPED,
                completion.c.next_run_at.is_(None),
                sa.func.coalesce(completion.c.looked_at, completion.c.created_at) < not_since,
                issuance.c.failing_since > held_after,
                _lacks(),
            )
            .distinct()
            .order_by(completion.c.id)
            .limit(a_site)
        )
        chosen = conn.execute(ids).scalars().all()
        again = sa.update(completion).where(
            completion.c.id.in_(chosen),
            completion.c.state == CompletionState.MAPPED,
            completion.c.next_run_at.is_(None),
        )
        made += conn.execute(again.values(next_run_at=now, tries=0)).rowcount
    return made
