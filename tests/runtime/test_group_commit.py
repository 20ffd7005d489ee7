"""Group commit: one transaction for many callers, and each told the truth about its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from runtime.database import Database
from runtime.group_commit import GroupCommit

metadata = sa.MetaData()
notes = sa.Table(
    "notes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("text", sa.Text, nullable=False, server_default=""),
)
Work = Callable[[sa.Connection], int]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    yield from opened(database_url)


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    yield from opened(sqlite_url)


def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    with database.write() as conn:
        metadata.create_all(conn)
    yield database
    database.close()


def insert(id_: int, text: str = "") -> Work:
    def work(conn: sa.Connection) -> int:
        conn.execute(sa.insert(notes).values(id=id_, text=text))
        return id_

    return work


def ids(database: Database) -> list[int]:
    with database.read() as conn:
        return sorted(conn.execute(sa.select(notes.c.id)).scalars())


def together(database: Database, works: list[Work]) -> list[Future[int]]:
    """Hand in all ``works`` so that, on SQLite, they share one transaction."""
    commits = GroupCommit[int](database)
    first_runs, all_wait = threading.Event(), threading.Event()

    def first(conn: sa.Connection) -> int:
        first_runs.set()
        assert all_wait.wait(10)
        return 0

    with ThreadPoolExecutor(len(works) + 1) as pool:
        pool.submit(commits.write, first)
        assert first_runs.wait(10)
        futures = []
        for count, work in enumerate(works, start=1):
            futures.append(pool.submit(commits.write, work))
            while database.is_sqlite and commits.waiting() < count:
                pass  # keep their order
        all_wait.set()
    return futures


def outcome(future: Future[int]) -> int | str:
    problem = future.exception()
    return future.result() if problem is None else type(problem).__name__


def test_many_threads_get_each_its_own_result(database: Database) -> None:
    commits = GroupCommit[int](database)
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda id_: commits.write(insert(id_)), range(150)))

    assert list(range(150)) == results
    assert list(range(150)) == ids(database)


def test_waiting_callers_share_one_transaction(sqlite_database: Database) -> None:
    commits: list[sa.Connection] = []
    sa.event.listen(sqlite_database.engine, "commit", commits.append)
    futures = together(sqlite_database, [insert(id_) for id_ in range(1, 21)])

    assert list(range(1, 21)) == [outcome(future) for future in futures]
    assert 2 == len(commits)  # the one they waited for, and their own


def test_one_callers_error_is_only_that_callers(database: Database) -> None:
    def broken(conn: sa.Connection) -> int:
        conn.execute(sa.insert(notes).values(id=9))
        raise KeyError

    with database.write() as conn:
        insert(2)(conn)
    futures = together(database, [insert(1), insert(2), broken, insert(3)])

    assert [1, "IntegrityError", "KeyError", 3] == [outcome(future) for future in futures]
    assert [1, 2, 3] == ids(database)


def test_even_a_caller_that_wants_to_exit_stops_nobody_else(database: Database) -> None:
    def leave(conn: sa.Connection) -> int:
        raise SystemExit(1)

    futures = together(database, [insert(1), leave, insert(2)])

    assert [1, "SystemExit", 2] == [outcome(future) for future in futures]
    assert [1, 2] == ids(database)


def test_a_result_is_given_only_after_the_commit(database: Database) -> None:
    commits = GroupCommit[int](database)
    seen = []

    def look(id_: int) -> None:
        commits.write(insert(id_))
        seen.append(id_ in ids(database))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(look, range(40)))

    assert [True] * 40 == seen


def test_a_commit_that_fails_is_every_callers_error_and_the_next_group_goes_on(
    sqlite_database: Database,
) -> None:
    futures_of: list[list[Future[int]]] = []
    fail = threading.Event()

    @sa.event.listens_for(sqlite_database.engine, "commit")
    def _disk_full(conn: sa.Connection) -> None:
        if fail.is_set():
            raise sa.exc.OperationalError("COMMIT", None, Exception("disk full"))

    def last(conn: sa.Connection) -> int:
        fail.set()
        return insert(2)(conn)

    futures_of.append(together(sqlite_database, [insert(1), last]))
    fail.clear()

    assert ["OperationalError"] * 2 == [outcome(future) for future in futures_of[0]]
    assert [] == ids(sqlite_database)
    assert 3 == GroupCommit[int](sqlite_database).write(insert(3))


def test_a_database_that_cannot_be_opened_is_every_callers_error(database: Database) -> None:
    commits = GroupCommit[int](database)

    def unreachable(*_: object) -> None:
        raise sa.exc.OperationalError("connect", None, Exception("gone"))

    sa.event.listen(database.engine, "begin", unreachable)

    def try_to_write(id_: int) -> str:
        with pytest.raises(sa.exc.OperationalError) as caught:
            commits.write(insert(id_))
        return type(caught.value).__name__

    with ThreadPoolExecutor(4) as pool:
        assert ["OperationalError"] * 4 == list(pool.map(try_to_write, range(4)))
    sa.event.remove(database.engine, "begin", unreachable)

    assert 7 == commits.write(insert(7))


def test_a_full_disk_never_makes_a_lost_row_look_stored(sqlite_database: Database) -> None:
    """SQLite then rolls the whole transaction back by itself, also the earlier callers' rows."""

    def fill(conn: sa.Connection) -> int:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages + 1}")
        try:
            return insert(2, "x" * 1_000_000)(conn)
        finally:
            conn.exec_driver_sql("PRAGMA max_page_count=1000000")

    futures = together(sqlite_database, [insert(1), fill, insert(3)])
    told = {1, 2, 3} & {outcome(future) for future in futures}

    assert told <= set(ids(sqlite_database))
    assert "OperationalError" == outcome(futures[1])
    assert 4 == GroupCommit[int](sqlite_database).write(insert(4))
