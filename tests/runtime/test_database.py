"""How a database is opened: what is promised on disk, and when it waits for others."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from runtime import database as module
from runtime.database import Database, RolledBack, UtcDateTime
from tests.faults.proxy import FaultProxy
from tests.polling import eventually

metadata = sa.MetaData()
events = sa.Table(
    "events", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("at", UtcDateTime)
)
children = sa.Table(
    "children",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("event_id", sa.ForeignKey(events.c.id)),
)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    with database.write() as conn:
        metadata.create_all(conn)
    yield database
    database.close()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    database = Database(sqlite_url)
    with database.write() as conn:
        metadata.create_all(conn)
    yield database
    database.close()


def pragmas(database: Database) -> dict[str, object]:
    names = ["synchronous", "journal_mode", "foreign_keys", "busy_timeout"]
    with database.read() as conn:
        return {name: conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names}


@pytest.mark.parametrize(
    ("release", "journal"),
    [((3, 40, 1), "truncate"), ((3, 51, 2), "truncate"), ((3, 51, 3), "wal"), ((3, 60, 0), "wal")],
)
def test_each_sqlite_connection_syncs_in_full_and_uses_wal_only_where_it_is_sound(
    release: tuple[int, int, int],
    journal: str,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", release)
    database = Database(sqlite_url)

    expected = {
        "synchronous": 2,
        "journal_mode": journal,
        "foreign_keys": 1,
        "busy_timeout": module.BUSY_TIMEOUT_MS,
    }

    assert expected == pragmas(database)

    database.close()


def test_a_second_writer_on_sqlite_waits_from_its_begin_and_a_reader_does_not(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_MS", 50)
    other = Database(str(sqlite_database.engine.url))

    with sqlite_database.write() as conn:
        conn.execute(sa.select(events)).all()
        with other.read() as reader:
            assert [] == reader.execute(sa.select(events)).all()
        with pytest.raises(sa.exc.OperationalError, match="locked"), other.write():
            pass

    other.close()


def test_an_urgent_writer_waits_for_hardly_more_than_one_of_those_who_write_many(
    sqlite_url: str, sqlite_database: Database
) -> None:
    written, over = [0], threading.Event()

    def write_many() -> None:
        with closing(Database(sqlite_url)) as database:
            while not over.is_set():
                with database.write() as conn:
                    conn.execute(sa.insert(events), [{"at": NOON}] * 500)
                written[0] += 1

    passed = []
    writers = [threading.Thread(target=write_many) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(20):
            before = written[0]
            eventually(lambda before=before: written[0] > before + 3)
            before = written[0]
            with sqlite_database.write(urgent=True):
                passed.append(written[0] - before)
    finally:
        over.set()
        for writer in writers:
            writer.join()

    assert sum(passed) < 2 * len(passed), passed


def test_a_transaction_that_reads_first_and_writes_later_waits_its_turn(
    sqlite_database: Database,
) -> None:
    def read_then_write() -> None:
        for _ in range(20):
            with sqlite_database.write() as conn:
                last = conn.execute(sa.select(sa.func.max(events.c.id))).scalar() or 0
                conn.execute(sa.insert(events).values(id=last + 1))

    threads = [threading.Thread(target=read_then_write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with sqlite_database.read() as conn:
        assert 80 == conn.execute(sa.select(sa.func.count()).select_from(events)).scalar_one()


def test_a_read_sees_one_state_throughout(sqlite_database: Database) -> None:
    with sqlite_database.read() as conn:
        conn.execute(sa.select(events)).all()
        assert conn.connection.in_transaction


def test_a_failing_block_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as conn:
            conn.execute(sa.insert(events).values(id=1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with database.read() as conn:
        assert [] == conn.execute(sa.select(events)).all()


def test_foreign_keys_hold(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), database.write() as conn:
        conn.execute(sa.insert(children).values(id=1, event_id=99))


def test_a_naive_moment_is_refused(database: Database) -> None:
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(sa.exc.StatementError, match="no time zone"), database.write() as conn:
        conn.execute(sa.insert(events).values(id=1, at=naive))


def test_a_moment_comes_back_the_same_and_in_utc(database: Database) -> None:
    dubai = timezone(timedelta(hours=4))
    moment = datetime(2026, 11, 23, 16, 0, 0, 123456, tzinfo=dubai)
    with database.write() as conn:
        conn.execute(sa.insert(events), [{"id": 1, "at": moment}, {"id": 2, "at": None}])

    with database.read() as conn:
        found = conn.execute(sa.select(events.c.at).order_by(events.c.id)).scalars().all()

    assert [moment, None] == found
    assert UTC == found[0].tzinfo


def test_moments_compare_across_zones_and_fractions(database: Database) -> None:
    moments = [NOON - timedelta(microseconds=1), NOON, NOON + timedelta(microseconds=1)]
    with database.write() as conn:
        conn.execute(sa.insert(events), [{"id": n, "at": at} for n, at in enumerate(moments)])

    limit = NOON.astimezone(timezone(timedelta(hours=-7)))
    with database.read() as conn:
        found = conn.execute(sa.select(events.c.id).where(events.c.at <= limit)).scalars().all()

    assert [0, 1] == sorted(found)


def test_postgresql_is_told_how_to_commit_and_when_to_give_up(postgres_url: str) -> None:
    database = Database(postgres_url)
    names = [
        "statement_timeout",
        "idle_in_transaction_session_timeout",
        "synchronous_commit",
        "TimeZone",
    ]

    with database.read() as conn:
        found = {name: conn.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names}

    expected = {
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "1min",
        "synchronous_commit": "on",
        "TimeZone": "UTC",
    }

    assert expected == found

    database.close()


@pytest.mark.parametrize(("asked", "idle_s"), [({}, 15), ({"keepalives_idle": "90"}, 90)])
def test_a_postgresql_that_is_gone_without_a_word_is_noticed_within_half_a_minute(
    postgres_url: str, asked: dict[str, str], idle_s: int
) -> None:
    """Unless its address asks for something else; over TCP, as from another machine."""
    url = sa.make_url(postgres_url)
    here = Path(str(url.query["host"])) / ".s.PGSQL.5432"
    with FaultProxy(here).running() as proxy:
        away = url.set(host="127.0.0.1", port=proxy.port, query=asked)
        database = Database(away.render_as_string(hide_password=False))
        with database.read() as conn:
            found = _tcp_options(conn.connection.driver_connection.fileno())
        database.close()

    assert (1, idle_s, 5, 3, 30_000) == found


def _tcp_options(descriptor: int) -> tuple[int, ...]:
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    with socket.socket(fileno=os.dup(descriptor)) as connected:
        return (
            connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            *(connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names),
        )


def test_the_shared_clock_is_aware_and_in_utc(database: Database) -> None:
    before = datetime.now(UTC)
    with database.read() as conn:
        moment = database.now(conn)

    assert UTC == moment.tzinfo
    assert abs(moment - before) < timedelta(minutes=1)


def test_the_clock_can_be_handed_in(sqlite_url: str) -> None:
    database = Database(sqlite_url, now=lambda: NOON)
    with database.read() as conn:
        assert NOON == database.now(conn)
    database.close()


def test_another_kind_of_database_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'mysql' is neither sqlite nor postgresql"):
        Database("mysql://localhost/x")


def test_a_transaction_that_sqlite_ended_by_itself_is_not_called_committed(
    sqlite_database: Database,
) -> None:
    """A full disk does that; the caller may have swallowed the error."""
    with pytest.raises(RolledBack), sqlite_database.write() as conn:
        conn.connection.cursor().execute("ROLLBACK")


def test_an_errors_text_never_holds_the_statements_values(database_url: str) -> None:
    database = Database(database_url)
    with pytest.raises(sa.exc.DBAPIError) as caught, database.read() as conn:
        conn.execute(sa.text("SELECT * FROM nowhere WHERE email = :email"), {"email": "ada@x.test"})
    database.close()

    assert "nowhere" in str(caught.value)
    assert "ada@x.test" not in str(caught.value)
