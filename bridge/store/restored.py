"""Sites of a restored database: what was done since the copy was made, it does not know.

So they look first. Nothing is sent, written or mailed for an unsure site until a reconciliation has
shown that the database knows everything again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa

from bridge.store import accounts, events
from bridge.store.states import IssuanceState
from bridge.store.tables import attempt, delivery, event, issuance, process, reconcile_run, site

#: Clocks differ, and what was under way when the copy was made is in none.
MARGIN = timedelta(hours=1)


def mark(conn: sa.Connection, *, who: str, now: datetime) -> Collection[str]:
    """Say of a database that it was just put back; return the names of its sites."""
    since = _last_known(conn) or now
    conn.execute(sa.delete(process))
    ended = sa.update(reconcile_run).where(reconcile_run.c.ended_at.is_(None))
    conn.execute(ended.values(ended_at=now, step=None))
    found = accounts.sites(conn)
    for row in found:
        unsure = {"unsure_since": since - MARGIN, "restored_at": now}
        accounts.change(conn, row.id, kind="site", next_run_at=now, lease_until=None, **unsure)
        detail = f"known up to {since.isoformat(timespec='seconds')}"
        events.record(
            conn, row.id, "restored from a copy", at=now, who=who, detail=detail, act=False
        )
    after = {"known_up_to": since, "sites": [row.name for row in found]}
    events.record(conn, events.INSTALLATION, "restored from a copy", at=now, who=who, after=after)
    return [row.name for row in found]


def _last_known(conn: sa.Connection) -> datetime | None:
    """The newest moment that the database knows of: all that came before is in it."""
    known = (delivery.c.received_at, attempt.c.sent_at, event.c.at, issuance.c.updated_at)
    moments = [conn.execute(sa.select(sa.func.max(column))).scalar_one() for column in known]
    return max((moment for moment in moments if moment is not None), default=None)


def sure(site_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Rows whose site may send."""
    return site_id.not_in(sa.select(site.c.id).where(site.c.unsure_since.is_not(None)))


def unsure_since(conn: sa.Connection, site_ids: Collection[str]) -> dict[str, datetime]:
    """Since when each of these sites that must not send may have done what it does not know."""
    found = sa.select(site.c.id, site.c.unsure_since)
    rows = conn.execute(found.where(site.c.id.in_(site_ids), site.c.unsure_since.is_not(None)))
    return {row.id: row.unsure_since for row in rows}


def send_again(conn: sa.Connection, site_id: str, *, who: str, why: str, now: datetime) -> None:
    """Let a site send, write and mail again."""
    accounts.change(conn, site_id, kind="site", unsure_since=None, restored_at=None)
    waiting = sa.update(issuance).where(
        issuance.c.site_id == site_id,
        issuance.c.state.in_([IssuanceState.READY, IssuanceState.SENDING]),
        issuance.c.next_run_at.is_not(None),
    )
    conn.execute(waiting.values(next_run_at=now))
    events.record(conn, site_id, "sends again after a restoration", at=now, who=who, detail=why)
