"""The schema's versions: migrate after a copy, refuse one that is newer than the program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from runtime.backup import copy, is_unprepared
from runtime.crashpoint import crashpoint
from runtime.database import Database

#: The number of our advisory lock in a PostgreSQL database; any will do, if all use the same.
ONE_MIGRATES = 7_265_112


class SchemaError(Exception):
    """The database's schema and the program do not fit; the text says what to do."""


def migrate(database: Database, scripts: Path, *, backups: Path | None) -> Path | None:
    """Bring the schema up to date; return the backup made before, if one was.

    ``scripts`` is the folder of Alembic's versions, ``backups`` the folder for the copy (SQLite
    only: for PostgreSQL use pg_dump before an upgrade). Raises SchemaError for a newer schema, and
    runtime.backup.BackupProblem.
    """
    script = ScriptDirectory(str(scripts))
    found = _revision(database)
    _refuse_newer(script, found)
    if found == script.get_current_head():
        return None
    backup = None
    if found is not None and backups is not None and database.is_sqlite:
        backup = _copy(database, backups, found)
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    with _rebuilding(database) as conn:
        _alone(conn)
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
        crashpoint("schema.migrating")
    crashpoint("schema.migrated")
    return backup


def require_current(database: Database, scripts: Path, *, remedy: str) -> None:
    """Raise SchemaError unless this program may use the database: its schema is the present one."""
    script = ScriptDirectory(str(scripts))
    with database.read() as conn:
        if is_unprepared(conn):
            raise SchemaError(
                "A copy was put into this database, and that did not come to its end: it must not "
                "be used before. Restore it again."
            )
    found = _revision(database)
    _refuse_newer(script, found)
    if found != script.get_current_head():
        raise SchemaError(
            f"The database's schema is {found or 'empty'}, "
            f"this program needs {script.get_current_head()}. {remedy}"
        )


def newest(scripts: Path) -> str | None:
    """The schema that this program needs; reads every migration."""
    return ScriptDirectory(str(scripts)).get_current_head()


def revision(conn: sa.Connection) -> str | None:
    """The schema that a database has."""
    return MigrationContext.configure(conn).get_current_revision()


def _revision(database: Database) -> str | None:
    with database.read() as conn:
        return revision(conn)


def _refuse_newer(script: ScriptDirectory, found: str | None) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    if found is not None and found not in known:
        raise SchemaError(
            f"The database's schema {found} is newer than this program, which knows it up to "
            f"{script.get_current_head()}. Install the newer program again, or restore the "
            "backup made before the upgrade."
        )


def _copy(database: Database, backups: Path, revision: str) -> Path:
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    # To the microsecond: who migrates again at once, after a death, needs another name.
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    name = Path(database.engine.url.database or "database").stem
    backup = backups / f"{name}-before-{revision}-{stamp}.sqlite"
    copy(database, backup)
    return backup


@contextmanager
def _rebuilding(database: Database) -> Iterator[sa.Connection]:
    """A transaction that may build anew a table that others refer to.

    SQLite can change little of a table; its way is a new one in the old one's place
    (sqlite.org/lang_altertable.html, Making Other Kinds Of Table Schema Changes). While the old one
    goes, references must not be looked at, which can be said outside of a transaction alone.
    """
    if not database.is_sqlite:
        with database.write() as conn:
            yield conn
        return
    with database.engine.connect() as conn:
        beneath = conn.connection.cursor()
        beneath.execute("PRAGMA foreign_keys=OFF")
        try:
            with conn.begin():
                yield conn
                torn = conn.exec_driver_sql("PRAGMA foreign_key_check").first()
                if torn is not None:
                    raise SchemaError(f"The upgrade would tear references apart: {tuple(torn)}.")
        finally:
            beneath.execute("PRAGMA foreign_keys=ON")


def _alone(conn: sa.Connection) -> None:
    # SQLite's write lock is held already. PostgreSQL lets two processes migrate at once, and stops
    # a migration of a large table after the time a request may take.
    if conn.dialect.name == "postgresql":
        conn.execute(sa.text("SET LOCAL statement_timeout = 0"))
        conn.execute(sa.select(sa.func.pg_advisory_xact_lock(ONE_MIGRATES)))
