"""Databases that never wait for the disk: no test pulls the plug, and each commits often."""

from __future__ import annotations

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection

from runtime.database import Database

#: What a PostgreSQL server does for the day its machine loses power.
CAREFUL = ("fsync", "full_page_writes")


def hasten(server: str) -> None:
    """Let a PostgreSQL server keep what a killed process has written, and no more than that."""
    with psycopg.connect(server, autocommit=True) as conn:
        for name in CAREFUL:
            conn.execute(f"ALTER SYSTEM SET {name} TO off")
        conn.execute("SELECT pg_reload_conf()")


def hasty(database: Database) -> Database:
    """Let no commit wait for the disk, and leave no time between them to others."""
    database.free_s = 0.0
    off = "PRAGMA synchronous=OFF" if database.is_sqlite else "SET synchronous_commit TO off"

    @sa.event.listens_for(database.engine, "connect")
    def _off(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(off)
        cursor.close()
        connection.commit()

    return database
