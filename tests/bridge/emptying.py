"""A database for many tests: its tables made once, emptied for each."""

from __future__ import annotations

import sqlalchemy as sa

from bridge.store.tables import metadata
from runtime.database import Database


def empty(database: Database) -> None:
    """Delete every row of the bridge's tables."""
    with database.write() as conn:
        if database.is_sqlite:
            for table in reversed(metadata.sorted_tables):
                conn.execute(sa.delete(table))
        else:
            names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
            conn.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY"))
