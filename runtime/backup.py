"""A copy of a database that is in use, and a copy put in the place of a database.

SQLite's copy is a database file, PostgreSQL's an archive of pg_dump in its custom format.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from runtime.crashpoint import crashpoint
from runtime.database import Database
from runtime.on_disk import appearing, sync

#: How files of each kind begin (sqlite.org/fileformat.html; pg_dump's custom format).
_SQLITE, _POSTGRESQL = b"SQLite format 3\x00", b"PGDMP"
#: What SQLite keeps beside a database that is open or was not closed.
_BESIDE = ("-wal", "-shm", "-journal")


#: Stands in a PostgreSQL database from before a copy is put into it until that is prepared; no copy
#: holds it, and putting one back leaves it alone.
_UNPREPARED = sa.Table("restore_unprepared", sa.MetaData(), sa.Column("since", sa.DateTime))


class BackupProblem(Exception):
    """It cannot be copied or put back; the text says what to do."""


def copy(database: Database, target: Path) -> None:
    """Copy a database, which may be in use, to a new file that only its owner can read.

    Raises BackupProblem. What is not complete does not bear the target's name.
    """
    if target.exists():
        raise BackupProblem(f"{target} exists. Name a new file, or move that one away.")
    try:
        with appearing(target) as unfinished:
            if database.is_sqlite:
                _remove_beside(unfinished)
                _vacuum_into(database, unfinished)
            else:
                file = f"--file={unfinished}"
                _postgresql(database.engine.url, "pg_dump", "--format=custom", file)
    except OSError as exc:
        raise BackupProblem(
            f"{target} cannot be written ({exc.strerror}). Name a file in a folder that has room "
            "and that this user may write to."
        ) from exc


def put_back(url: str, source: Path, *, prepare: Callable[[Database], None]) -> Path | None:
    """Put a copy in a database's place, `prepare` it, and return where the former one is now.

    Nobody may use the database meanwhile. On SQLite the copy is prepared before it takes the place;
    on PostgreSQL right after, and there the former content is gone (None); if that is cut off, it
    `is_unprepared`. Raises BackupProblem.
    """
    parsed = sa.make_url(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    _require_kind(source, is_sqlite=is_sqlite)
    if is_sqlite:
        return _put_file(Path(str(parsed.database)), source, prepare)
    _put_archive(parsed, source)
    prepare_in_place(url, prepare)
    return None


def prepare_in_place(url: str, prepare: Callable[[Database], None]) -> None:
    """`prepare` a database that a copy was put into."""
    with closing(Database(url)) as database:
        prepare(database)
        crashpoint("restore.prepared")
        _UNPREPARED.drop(database.engine, checkfirst=True)


def is_unprepared(conn: sa.Connection) -> bool:
    """Whether a copy was put into this database, and what must be done then was not."""
    return sa.inspect(conn).has_table(_UNPREPARED.name)


def _put_archive(url: sa.URL, source: Path) -> None:
    options = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
    with closing(Database(url.render_as_string(hide_password=False))) as database:
        _UNPREPARED.create(database.engine, checkfirst=True)
        crashpoint("restore.marked")
        try:
            _postgresql(url, "pg_restore", *options, str(source))
        except BackupProblem:  # nothing was changed
            _UNPREPARED.drop(database.engine)
            raise
    crashpoint("restore.loaded")


def _require_kind(source: Path, *, is_sqlite: bool) -> None:
    try:
        with source.open("rb") as file:
            begin = file.read(len(_SQLITE))
    except OSError as exc:
        raise BackupProblem(f"{source} cannot be read ({exc.strerror}).") from exc
    if begin.startswith(_SQLITE if is_sqlite else _POSTGRESQL):
        return
    other = {True: "an archive of pg_dump", False: "an SQLite database"}[is_sqlite]
    wanted = {False: "an archive of pg_dump -Fc", True: "an SQLite database"}[is_sqlite]
    told = other if begin.startswith((_SQLITE, _POSTGRESQL)) else "something else"
    raise BackupProblem(
        f"{source} is {told}; this database needs {wanted}. Name the right file, or the database "
        "that it is a copy of."
    )


def _vacuum_into(database: Database, target: Path) -> None:
    # VACUUM INTO is a consistent copy of a live database. It may not run inside a transaction, and
    # SQLAlchemy's own connection begins one.
    connection = database.engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()


def _put_file(place: Path, source: Path, prepare: Callable[[Database], None]) -> Path | None:
    coming = place.with_name(f"{place.name}.restoring")
    _remove(coming)
    try:
        with source.open("rb") as read, os.fdopen(_private(coming), "wb") as written:
            shutil.copyfileobj(read, written)
        _require_sound(coming, source)
        prepare_in_place(f"sqlite:///{coming}", prepare)
        _settle(coming)
        before = _set_aside(place)
        crashpoint("restore.set_aside")
        coming.replace(place)
        crashpoint("restore.put")
    except OSError as exc:
        raise BackupProblem(
            f"{place} cannot be replaced ({exc.strerror}: {exc.filename}). See that its folder has "
            "room and is this user's, then restore again."
        ) from exc
    finally:
        _remove(coming)
    sync(place.parent)
    return before


def _private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _require_sound(copied: Path, source: Path) -> None:
    try:
        with closing(sqlite3.connect(copied)) as connection:
            found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as exc:
        found = str(exc)
    if found != "ok":
        raise BackupProblem(f"{source} is damaged ({found}). Take an older copy.")


def _settle(path: Path) -> None:
    """Have everything in the one file, and that on disk."""
    if not path.exists():
        return
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    sync(path)


def _set_aside(place: Path) -> Path | None:
    """Give the present database a second name; it keeps its own until another takes it."""
    if not place.exists():
        return None
    _settle(place)
    # To the microsecond: who restores again at once, after a death, needs another name.
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    before = place.with_name(f"{place.stem}-before-restore-{stamp}{place.suffix}")
    before.hardlink_to(place)
    for suffix in _BESIDE:  # of what was not closed: beside another database they would harm it
        with suppress(FileNotFoundError):
            place.with_name(place.name + suffix).rename(before.with_name(before.name + suffix))
    return before


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    _remove_beside(path)


def _remove_beside(path: Path) -> None:
    for suffix in _BESIDE:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _postgresql(url: sa.URL, program: str, *arguments: str) -> None:
    # The password goes by the environment: arguments can be read by everyone on the machine.
    address = url.set(drivername="postgresql", password=None).render_as_string()
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    try:
        done = subprocess.run(  # noqa: S603  # PostgreSQL's own program, no shell
            [program, "--no-password", f"--dbname={address}", *arguments],
            env={**os.environ, **password},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as exc:
        raise BackupProblem(
            f"There is no {program} on this machine. Install PostgreSQL's client programs of the "
            "server's version (Debian: postgresql-client), or see docs/operate.md, Backups."
        ) from exc
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BackupProblem(f"{program}: {said[-1] if said else f'status {done.returncode}'}")
