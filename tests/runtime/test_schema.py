"""The schema: brought up to date after a copy, refused where the program is too old."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from runtime.database import Database
from runtime.schema import SchemaError, migrate, require_current

NEW = Path(__file__).parent / "migrations"
ROOT = Path(__file__).parents[2]
MIGRATE = """
import sys
from pathlib import Path
from runtime.database import Database
from runtime.schema import migrate
migrate(Database(sys.argv[1]), Path(sys.argv[2]), backups=None)
"""
REBUILD = """
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("people") as people:
        people.create_unique_constraint("uq_people_name", ["name"])
"""
REMEDY = "Run `vaultbridge migrate`."


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The migrations as the release before had them; an odd but lawful folder name."""
    folder = tmp_path / "100% old"
    shutil.copytree(NEW, folder, ignore=shutil.ignore_patterns("0002*", "__pycache__"))
    return folder


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def columns(database: Database) -> list[str]:
    return [column["name"] for column in sa.inspect(database.engine).get_columns("people")]


def test_an_empty_database_gets_the_whole_schema_and_needs_no_copy(
    database: Database, tmp_path: Path
) -> None:
    assert migrate(database, NEW, backups=tmp_path / "backups") is None

    assert ["id", "name", "age"] == columns(database)
    assert not (tmp_path / "backups").exists()
    require_current(database, NEW, remedy=REMEDY)


def test_a_current_database_is_left_alone(database: Database, tmp_path: Path) -> None:
    migrate(database, NEW, backups=None)

    assert migrate(database, NEW, backups=tmp_path / "backups") is None
    assert not (tmp_path / "backups").exists()


def test_an_upgrade_keeps_the_rows(database: Database, old: Path, tmp_path: Path) -> None:
    migrate(database, old, backups=None)
    with database.write() as conn:
        conn.exec_driver_sql("INSERT INTO people (id, name) VALUES (1, 'Alice')")
    backup = migrate(database, NEW, backups=tmp_path / "backups")

    with database.read() as conn:
        rows = conn.exec_driver_sql("SELECT id, name, age FROM people").all()
    assert [(1, "Alice", None)] == rows
    assert database.is_sqlite is (backup is not None)


def test_before_an_upgrade_sqlite_is_copied_as_it_was(
    sqlite_url: str, old: Path, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    migrate(database, old, backups=None)
    with database.write() as conn:
        conn.exec_driver_sql("INSERT INTO people (id, name) VALUES (1, 'Alice')")
    backup = migrate(database, NEW, backups=tmp_path / "new folder" / "backups")

    assert backup is not None
    assert backup.name.startswith("test-before-0001-")
    assert 0o600 == stat.S_IMODE(backup.stat().st_mode)
    copy = sqlite3.connect(backup)
    found = copy.execute("SELECT * FROM people").fetchall()
    versions = copy.execute("SELECT version_num FROM alembic_version").fetchall()
    copy.close()
    assert ([(1, "Alice")], [("0001",)]) == (found, versions)

    database.close()


def test_after_a_copy_connections_still_take_the_write_lock_at_once(
    sqlite_url: str, old: Path, tmp_path: Path
) -> None:
    database = Database(sqlite_url)
    migrate(database, old, backups=None)
    migrate(database, NEW, backups=tmp_path)

    with database.engine.connect() as conn:
        assert conn.connection.isolation_level is None

    database.close()


def test_a_failed_upgrade_leaves_the_schema_as_it_was(
    database: Database, old: Path, tmp_path: Path
) -> None:
    migrate(database, old, backups=None)
    broken = tmp_path / "broken"
    shutil.copytree(NEW, broken)
    with (broken / "versions" / "0002_age.py").open("a") as script:
        script.write('    op.execute("INSERT INTO nowhere VALUES (1)")\n')

    with pytest.raises(sa.exc.DBAPIError):
        migrate(database, broken, backups=tmp_path / "backups")

    assert ["id", "name"] == columns(database)
    require_current(database, old, remedy=REMEDY)


@pytest.fixture
def pets(tmp_path: Path, database: Database) -> Path:
    """Migrations of which a third builds people anew, to whom pets refer by then."""
    folder = tmp_path / "pets"
    shutil.copytree(NEW, folder)
    (folder / "versions" / "0003_anew.py").write_text(REBUILD)
    migrate(database, NEW, backups=None)
    with database.write() as conn:
        conn.exec_driver_sql("INSERT INTO people (id, name) VALUES (1, 'Alice')")
        conn.exec_driver_sql(
            "CREATE TABLE pet (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES people (id))"
        )
        conn.exec_driver_sql("INSERT INTO pet (id, owner) VALUES (1, 1)")
    return folder


def test_a_table_that_others_refer_to_may_be_built_anew(database: Database, pets: Path) -> None:
    migrate(database, pets, backups=None)

    with database.read() as conn:
        named = "SELECT people.name FROM pet JOIN people ON people.id = pet.owner"
        assert [("Alice",)] == conn.exec_driver_sql(named).all()
    with pytest.raises(sa.exc.IntegrityError), database.write() as conn:
        conn.exec_driver_sql("INSERT INTO pet (id, owner) VALUES (2, 7)")
    with pytest.raises(sa.exc.IntegrityError), database.write() as conn:
        conn.exec_driver_sql("INSERT INTO people (id, name) VALUES (2, 'Alice')")


def test_an_upgrade_that_tears_references_apart_is_undone(database: Database, pets: Path) -> None:
    with (pets / "versions" / "0003_anew.py").open("a") as script:
        script.write('    op.execute("DELETE FROM people")\n')

    with pytest.raises((SchemaError, sa.exc.IntegrityError)):
        migrate(database, pets, backups=None)

    with database.read() as conn:
        assert [(1,)] == conn.exec_driver_sql("SELECT id FROM people").all()
    require_current(database, NEW, remedy=REMEDY)


@pytest.mark.parametrize(
    "check", [partial(migrate, backups=None), partial(require_current, remedy=REMEDY)]
)
def test_a_newer_schema_is_refused_and_not_touched(
    database: Database, old: Path, check: Callable[[Database, Path], object]
) -> None:
    migrate(database, NEW, backups=None)

    with pytest.raises(SchemaError, match=r"schema 0002 is newer .* up to 0001\. Install"):
        check(database, old)

    assert ["id", "name", "age"] == columns(database)


def test_an_empty_or_older_schema_is_refused_with_the_remedy(database: Database, old: Path) -> None:
    with pytest.raises(SchemaError, match=r"schema is empty, .* needs 0002\. Run `vaultbridge"):
        require_current(database, NEW, remedy=REMEDY)
    migrate(database, old, backups=None)
    with pytest.raises(SchemaError, match=r"schema is 0001, .* needs 0002\. Run `vaultbridge"):
        require_current(database, NEW, remedy=REMEDY)


def test_a_database_whose_restoration_was_cut_off_is_not_used(database: Database) -> None:
    migrate(database, NEW, backups=None)
    with database.write() as conn:
        conn.execute(sa.text("CREATE TABLE restore_unprepared (since TIMESTAMP)"))

    with pytest.raises(SchemaError, match="did not come to its end"):
        require_current(database, NEW, remedy=REMEDY)


def test_processes_that_migrate_at_once_do_not_hurt_each_other(
    database: Database, database_url: str
) -> None:
    command = [sys.executable, "-c", MIGRATE, database_url, str(NEW)]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(3)]  # noqa: S603  # our own

    assert [0, 0, 0] == [process.wait(timeout=60) for process in processes]
    assert ["id", "name", "age"] == columns(database)
