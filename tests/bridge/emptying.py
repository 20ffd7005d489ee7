"""A database for many tests: its tables made once, emptied for each, never waiting for the disk."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection

from bridge.store.tables import metadata
from runtime.database import Database


def hasty(database: Database) -> Database:
    """Let no commit wait for the disk: no test here pulls the plug, and each commits often."""
    off = "PRAGMA synchronous=OFF" if database.is_sqlite else "SET synchronous_commit TO off"

    @sa.event.listens_for(database.engine, "connect")
    def _off(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(off)
        cursor.close()
        connection.commit()

    return database


def empty(database: Database) -> None:
    """Delete every row of the bridge's tables."""
    with database.write() as conn:
        if database.is_sqlite:
            for table in reversed(metadata.sorted_tables):
                conn.execute(sa.delete(table))
        else:
            names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
            conn.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY"))
