"""Leases: one holder at a time, and a late holder writes to nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from runtime.database import Database
from runtime.lease import (
    LeaseLost,
    claim,
    give_back,
    hold,
    lease_columns,
    lease_of,
    release,
    release_all,
    save,
    still_held,
)

metadata = sa.MetaData()
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(20), nullable=False, server_default="ready"),
    *lease_columns(),
)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
MINUTE = timedelta(minutes=1)

CLAIM_ALL = """
import sys
from datetime import UTC, datetime, timedelta
import sqlalchemy as sa
from runtime.database import Database
from runtime.lease import claim, lease_columns
url, owner = sys.argv[1:]
jobs = sa.Table("jobs", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True),
                sa.Column("state", sa.String(20)), *lease_columns())
database = Database(url)
now = datetime(2026, 11, 23, 12, tzinfo=UTC)
while True:
    with database.write() as conn:
        rows = claim(conn, jobs, where=jobs.c.state == "ready", owner=owner, now=now,
                     lease=timedelta(minutes=1), limit=3)
    if not rows:
        break
    print(*[row.id for row in rows])
database.close()
"""


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    with database.write() as conn:
        metadata.create_all(conn)
    yield database
    database.close()


def add(database: Database, count: int, **values: Any) -> None:
    rows = [{"next_run_at": NOON, **values, "id": n} for n in range(1, count + 1)]
    with database.write() as conn:
        conn.execute(sa.insert(jobs), rows)


def take(
    database: Database, owner: str = "a", *, now: datetime = NOON, limit: int = 10
) -> list[sa.Row[Any]]:
    with database.write() as conn:
        return list(
            claim(
                conn,
                jobs,
                where=jobs.c.state == "ready",
                owner=owner,
                now=now,
                lease=MINUTE,
                limit=limit,
            )
        )


def test_a_claim_returns_the_row_as_it_is_now(database: Database) -> None:
    add(database, 1)

    (row,) = take(database)

    expected = {
        "id": 1,
        "state": "ready",
        "next_run_at": NOON,
        "lease_owner": "a",
        "lease_until": NOON + MINUTE,
        "fence": 1,
        "tries": 0,
    }

    assert expected == row._asdict()


def test_the_longest_due_comes_first_and_no_more_than_asked_for(database: Database) -> None:
    with database.write() as conn:
        for id_, minutes in enumerate([3, 1, 2, 1], start=1):
            conn.execute(sa.insert(jobs).values(id=id_, next_run_at=NOON - minutes * MINUTE))

    assert [1, 3] == [row.id for row in take(database, limit=2)]
    assert [2, 4] == [row.id for row in take(database, limit=2)]


def test_what_is_not_due_or_not_asked_for_is_left(database: Database) -> None:
    with database.write() as conn:
        conn.execute(sa.insert(jobs).values(id=1, next_run_at=NOON + MINUTE))
        conn.execute(sa.insert(jobs).values(id=2, next_run_at=None))
        conn.execute(sa.insert(jobs).values(id=3, next_run_at=NOON, state="held"))

    assert [] == take(database)


def test_a_held_row_is_left_until_its_lease_has_run_out(database: Database) -> None:
    add(database, 1)
    take(database, "a")

    assert [] == take(database, "b", now=NOON + MINUTE - timedelta(microseconds=1))
    (row,) = take(database, "b", now=NOON + MINUTE)
    assert ("b", 2) == (row.lease_owner, row.fence)


@pytest.mark.parametrize("write", [save, release])
def test_a_late_holder_writes_to_nothing(database: Database, write: Callable[..., None]) -> None:
    add(database, 1)
    (late,) = take(database, "a")
    take(database, "b", now=NOON + MINUTE)

    with pytest.raises(LeaseLost, match="jobs 1"), database.write() as conn:
        write(conn, jobs, lease_of(late), next_run_at=None, state="done")

    with database.read() as conn:
        row = conn.execute(sa.select(jobs)).one()
    assert ("ready", "b", 2) == (row.state, row.lease_owner, row.fence)


def test_the_same_owners_earlier_lease_is_lost_too(database: Database) -> None:
    add(database, 1)
    (first,) = take(database, "a")
    take(database, "a", now=NOON + MINUTE)

    with pytest.raises(LeaseLost), database.write() as conn:
        save(conn, jobs, lease_of(first), state="done")


def test_a_released_row_is_written_and_free(database: Database) -> None:
    add(database, 1)
    (row,) = take(database, "a")
    later = NOON + 5 * MINUTE
    with database.write() as conn:
        save(conn, jobs, lease_of(row), tries=1)
        release(conn, jobs, lease_of(row), next_run_at=later, tries=2)

    assert [] == take(database, "b", now=later - MINUTE)
    (again,) = take(database, "b", now=later)
    assert ("b", 2, 2) == (again.lease_owner, again.fence, again.tries)


def test_a_released_lease_writes_no_more(database: Database) -> None:
    add(database, 1)
    (row,) = take(database)
    with database.write() as conn:
        release(conn, jobs, lease_of(row), next_run_at=None)

    with pytest.raises(LeaseLost), database.write() as conn:
        save(conn, jobs, lease_of(row), state="done")


def test_what_is_held_is_given_back_together_each_with_its_own_outcome(database: Database) -> None:
    add(database, 3)
    lost, one, two = map(lease_of, take(database, "a"))
    take(database, "b", now=lost.until, limit=1)
    later = NOON + 5 * MINUTE
    with database.write() as conn:
        held = hold(conn, jobs, [two, one, lost])
        release_all(
            conn,
            jobs,
            [(two, {"next_run_at": later}), (one, {"next_run_at": None, "state": "done"})],
        )
        rows = conn.execute(sa.select(jobs).order_by(jobs.c.id)).all()

    assert {one.id, two.id} == held
    assert [("ready", NOON, "b"), ("done", None, None), ("ready", later, None)] == [
        (row.state, row.next_run_at, row.lease_owner) for row in rows
    ]


def test_what_is_held_is_not_taken_before_the_transaction_ends(
    postgres_url: str,
) -> None:
    # On SQLite one transaction at a time writes.
    with closing(Database(postgres_url)) as database, closing(Database(postgres_url)) as other:
        with database.write() as conn:
            metadata.create_all(conn)
        add(database, 1)
        (lease,) = map(lease_of, take(database, "a"))
        with database.write() as conn:
            hold(conn, jobs, [lease])
            taken = take(other, "b", now=lease.until)

    assert [] == taken


def test_many_threads_claim_each_row_once(database: Database) -> None:
    add(database, 60)
    claimed: list[int] = []

    def work(owner: str) -> None:
        while rows := take(database, owner, limit=3):
            claimed.extend(row.id for row in rows)

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(range(1, 61)) == sorted(claimed)


def test_many_processes_claim_each_row_once(database: Database, database_url: str) -> None:
    add(database, 200)
    processes = [
        subprocess.Popen(  # noqa: S603  # our own
            [sys.executable, "-c", CLAIM_ALL, database_url, f"p{n}"],
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        for n in range(3)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]

    claims = Counter(int(word) for output in outputs for word in output.split())

    assert [0, 0, 0] == [process.returncode for process in processes]
    assert Counter(range(1, 201)) == claims


def test_postgresql_passes_over_rows_that_another_claim_has_locked(postgres_url: str) -> None:
    database = Database(postgres_url)
    with database.write() as conn:
        metadata.create_all(conn)
    add(database, 2)

    with database.write() as conn:
        conn.execute(sa.select(jobs).where(jobs.c.id == 1).with_for_update())
        assert [2] == [row.id for row in take(database)]

    database.close()


def test_postgresql_claims_no_more_than_asked_for_whatever_the_plan(postgres_url: str) -> None:
    """A sub-select that is run again for each row would skip what it has locked itself."""
    database = Database(postgres_url)
    with database.write() as conn:
        metadata.create_all(conn)
    add(database, 20)
    plans = ["hashjoin", "mergejoin", "hashagg", "sort", "material", "indexscan", "bitmapscan"]

    with database.write() as conn:
        for plan in plans:
            conn.exec_driver_sql(f"SET LOCAL enable_{plan} = off")
        rows = claim(conn, jobs, where=sa.true(), owner="a", now=NOON, lease=MINUTE, limit=1)

    assert [1] == [row.id for row in rows]
    with database.read() as conn:
        held = conn.execute(sa.select(jobs.c.id).where(jobs.c.lease_owner == "a")).scalars().all()
    assert [1] == held

    database.close()


def test_a_row_made_due_while_it_was_held_is_not_forgotten(database: Database) -> None:
    add(database, 2)
    rows = take(database)
    woken = NOON + timedelta(seconds=7)
    with database.write() as conn:
        conn.execute(sa.update(jobs).where(jobs.c.id == 2).values(next_run_at=woken))
        for row in rows:
            give_back(conn, jobs, row, next_run_at=NOON + 60 * MINUTE, state="done")
    with database.read() as conn:
        found = conn.execute(sa.select(jobs).order_by(jobs.c.id)).all()

    assert [("done", NOON + 60 * MINUTE, None), ("done", woken, None)] == [
        (row.state, row.next_run_at, row.lease_owner) for row in found
    ]


def test_what_is_still_held_is_told_as_it_stands_now(database: Database) -> None:
    add(database, 3)
    rows = take(database)
    with database.write() as conn:
        conn.execute(sa.update(jobs).where(jobs.c.id == 1).values(fence=9))
        save(conn, jobs, lease_of(rows[1]), state="begun")
    with database.read() as conn:
        held = still_held(conn, jobs, rows)

    assert [(2, "begun"), (3, "ready")] == [(row.id, row.state) for row in held]
