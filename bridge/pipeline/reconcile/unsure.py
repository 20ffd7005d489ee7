"""After a restoration: what a run mends by itself, and whether it has shown that all is known.

Completions since the copy are taken up from the LMS, and what the vault holds for them is adopted;
nothing of that sends anything.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from bridge.pipeline.reconcile.causes import (
    NEVER_TOLD,
    NOT_ADOPTED,
    OURS_UNKNOWN,
    TURNED_AWAY,
    Part,
)
from bridge.settings import Settings
from bridge.store.states import DifferenceState
from bridge.store.tables import difference

MENDS = frozenset({NEVER_TOLD, TURNED_AWAY, NOT_ADOPTED})
#: What a run must not have found.
_AMISS = MENDS | {OURS_UNKNOWN}
#: What a run must have compared.
_COMPARED = frozenset({Part.LMS.value, Part.VAULT.value})


def is_settled(conn: sa.Connection, row: sa.Row[Any], run: sa.Row[Any], settings: Settings) -> bool:
    """Whether this run, at its end, has shown that an unsure site knows everything."""
    # What was made shortly before the restoration may not have been listed earlier.
    if row.unsure_since is None or run.started_at < row.restored_at + settings.reconcile_grace:
        return False
    if any(notice["what"] in _COMPARED for notice in run.notices):
        return False
    amiss = sa.select(difference.c.id).where(
        difference.c.site_id == row.id,
        difference.c.last_run == run.id,
        difference.c.cause.in_(_AMISS),
        difference.c.state.in_([DifferenceState.OPEN, DifferenceState.MENDED]),
        difference.c.at >= row.unsure_since,
    )
    return conn.execute(amiss.limit(1)).first() is None
