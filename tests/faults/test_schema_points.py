"""``vaultbridge migrate`` that dies at each of its points: no row is lost, the next one ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from bridge.store.tables import process
from bridge.wiring import MIGRATIONS
from runtime.database import Database
from runtime.schema import migrate, require_current
from tests.bridge.institution import NOON
from tests.faults.lives import KILLED, lives
from tests.faults.points import COPIES, SCHEMA

ROW = {"id": "p", "name": "clock", "host": "h", "pid": 1, "started_at": NOON, "seen_at": NOON}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The migrations as the release before had them."""
    folder, scripts = tmp_path / "old", ScriptDirectory(str(MIGRATIONS))
    newest = f"{scripts.get_current_head()}_*"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns(newest, "__pycache__"))
    return folder


@pytest.fixture
def database(database_url: str, old: Path) -> Iterator[Database]:
    """A database of the release before, with a row in it."""
    with closing(Database(database_url)) as database:
        migrate(database, old, backups=None)
        with database.write() as conn:
            conn.execute(sa.insert(process).values(ROW))
        yield database


def test_migrations_that_die_at_one_point_after_the_other_lose_no_row_and_the_next_one_ends(
    database: Database, database_url: str, old: Path, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    environment = {
        "BRIDGE_DATABASE_URL": database_url,
        "BRIDGE_REDIS_URL": "unix:///nowhere.sock",
        "BRIDGE_KEY_FILE": str(tmp_path / "secret.key"),
        "BRIDGE_PUBLIC_URL": "https://certs.example.edu",
        "BRIDGE_BACKUP_DIR": str(copies),
    }
    order = {"environment": environment, "command": ["migrate"]}
    with lives("tests.faults.typed", {}, log=tmp_path / "log") as program:
        for point in (*COPIES, *SCHEMA) if database.is_sqlite else SCHEMA:
            require_current(database, old, remedy="")
            database.close()
            assert KILLED == program.live(order, crash=f"{point}:1").status, point
        assert 0 == program.live(order).last("exit")

    require_current(database, MIGRATIONS, remedy="")
    with database.read() as conn:
        assert [ROW] == [{**row} for row in conn.execute(sa.select(process)).mappings()]
    for copy in copies.glob("*.sqlite"):
        with closing(Database(f"sqlite:///{copy}")) as copied:
            require_current(copied, old, remedy="")
