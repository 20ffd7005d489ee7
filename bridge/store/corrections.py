"""Corrections: what of what was issued a person wants otherwise, who, why, and how far it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.accounts import NotThere
from bridge.store.ids import new_id
from bridge.store.states import CorrectionState, RevocationState
from bridge.store.tables import correction, revocation


def add(
    conn: sa.Connection,
    *,
    who: str,
    reason: str,
    what: Mapping[str, Any],
    state: CorrectionState,
    selected: int,
    now: datetime,
) -> str:
    """Write a correction down before it does anything; return its id."""
    row_id = new_id("co", now)
    conn.execute(
        sa.insert(correction).values(
            id=row_id,
            who=who,
            reason=reason,
            what=dict(what),
            state=state,
            selected=selected,
            started_at=now,
            updated_at=now,
        )
    )
    return row_id


def by_id(conn: sa.Connection, row_id: str) -> sa.Row[Any]:
    """One correction; raises NotThere."""
    row = conn.execute(sa.select(correction).where(correction.c.id == row_id)).first()
    if row is None:
        raise NotThere(f"There is no correction {row_id}. `vaultbridge corrections` lists them.")
    return row


def decide(
    conn: sa.Connection, row_id: str, state: CorrectionState, *, now: datetime, **values: Any
) -> bool:
    """Somebody approves it or not; False if it was decided before."""
    asked = sa.update(correction).where(
        correction.c.id == row_id, correction.c.state == CorrectionState.ASKED
    )
    return conn.execute(asked.values(state=state, updated_at=now, **values)).rowcount == 1


def advance(conn: sa.Connection, row_id: str, *, replaced: int, now: datetime) -> None:
    """Count some more certificates as replaced."""
    counted = correction.c.replaced + replaced
    conn.execute(
        sa.update(correction)
        .where(correction.c.id == row_id)
        .values(replaced=counted, updated_at=now)
    )


def end(conn: sa.Connection, row_id: str, *, unchanged: int, now: datetime) -> bool:
    """It has come to its end; False if that was written down before."""
    running = sa.update(correction).where(
        correction.c.id == row_id, correction.c.state == CorrectionState.RUNNING
    )
    done = {"state": CorrectionState.DONE, "unchanged": unchanged}
    return conn.execute(running.values(**done, updated_at=now, ended_at=now)).rowcount == 1


def told(conn: sa.Connection, row_id: str) -> Mapping[Any, Any]:
    """One correction as `recent` tells it; raises NotThere."""
    found = by_id(conn, row_id)
    return conn.execute(_counted().where(correction.c.id == found.id)).mappings().one()


def recent(
    conn: sa.Connection, *, after: str | None = None, limit: int
) -> Sequence[Mapping[Any, Any]]:
    """Corrections, newest first, with how many of the replaced are ``revoked`` and ``kept``.

    ``after`` is the last id of the page before.
    """
    newest_first = _counted().order_by(correction.c.id.desc())
    if after is not None:
        newest_first = newest_first.where(correction.c.id < after)
    return conn.execute(newest_first.limit(limit)).mappings().all()


def _counted() -> sa.Select[Any]:
    def counted(*states: RevocationState) -> sa.ScalarSelect[int]:
        theirs = sa.and_(
            revocation.c.correction_id == correction.c.id, revocation.c.state.in_(states)
        )
        return sa.select(sa.func.count()).where(theirs).scalar_subquery()

    return sa.select(
        correction,
        counted(RevocationState.REVOKED, RevocationState.DONE).label("revoked"),
        counted(RevocationState.KEPT).label("kept"),
    )


def asked_for(conn: sa.Connection, issuance_id: str) -> Sequence[sa.Row[Any]]:
    """The corrections of one issuance that wait for a second person, oldest first."""
    waiting = sa.select(correction).where(correction.c.state == CorrectionState.ASKED)
    rows = conn.execute(waiting.order_by(correction.c.id))
    return [row for row in rows if row.what.get("issuance") == issuance_id]
