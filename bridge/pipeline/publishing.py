"""Making a mapping document the active version of its name; who did it and why is its history."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from bridge.store import events, mapping_versions


def publish(
    conn: sa.Connection,
    name: str,
    document: str,
    *,
    now: datetime,
    who: str,
    reason: str | None,
    what: str = "added",
) -> tuple[int, bool]:
    """Make a document the active version; return (version, is it new).

    One equal to the active version changes nothing.
    """
    version, new = mapping_versions.add(conn, name, document, now=now)
    if new:
        row = mapping_versions.active_named(conn, name)
        events.record(conn, row.id, what, at=now, who=who, detail=reason)
    return version, new
