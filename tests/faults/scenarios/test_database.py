"""Scenario 18: the database is cut off, full, read-only or busy; no promise without a row."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing

import httpx
import psycopg
import pytest

from bridge.store import tables
from tests.faults.proxy import DropReply
from tests.faults.scenarios.house import NEEDED, House, Told
from tests.processes import children_of

SQLITE = pytest.mark.parametrize("kind", ["sqlite"])
POSTGRESQL = pytest.mark.parametrize("kind", ["postgresql"])
#: As PostgreSQL is told it; "READ COMMITTED" is no commit.
COMMIT = b"COMMIT\x00"
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def refused(here: House, told: list[Told], *, before: int) -> list[Told]:
    """Deliver until one is refused; what was taken until then. No promise was without a row."""
    taken = []
    for one in told:
        answer = here.post(one.body)
        if answer.is_success:
            taken.append(one)
            continue
        assert 503 == answer.status_code
        assert int(answer.headers["Retry-After"]) > 0
        assert before + len(taken) == here.count(tables.delivery)
        return taken
    raise AssertionError("none was refused")


@POSTGRESQL
def test_18_the_connection_is_cut_during_commits_and_each_is_there_once(here: House) -> None:
    told = here.complete(8)
    here.deliver(*told[:4])
    before = here.count(tables.delivery)
    link = here.links["database"]
    others = [name for name in NEEDED if name != "web"]
    for name in others:  # or theirs are cut, and of what is received none
        here.fleet.pause(name)
        here.until_it_stands_still(name)
    link.settle()
    link.behave(DropReply, on=COMMIT, times=2)
    answers = [here.post(one.body).status_code for one in told[4:]]

    assert [503, 503, 202, 202] == answers
    assert before + 4 == here.count(tables.delivery), "they were stored, and nobody knew"
    link.behave(DropReply, on=COMMIT, times=6)
    for name in others:
        here.fleet.resume(name)
    here.insist(*told[4:])
    link.heal()
    assert before + 4 == here.count(tables.delivery)
    here.all_is_well(told)


@POSTGRESQL
def test_18_a_database_that_became_read_only_promises_nothing(here: House) -> None:
    told = here.complete(3)
    before = here.count(tables.delivery)
    _read_only(here, "on")
    here.eventually(lambda: here.post(told[0].body).status_code == 503)
    assert before == here.count(tables.delivery)
    health = httpx.get(f"{here.url}/health/ready", trust_env=False)
    assert (503, "cannot be written") == (health.status_code, health.json()["database"])

    _read_only(here, "off")
    here.insist(*told)
    here.all_is_well(told)


def _read_only(here: House, value: str) -> None:
    """Let it hold for every connection: those there are end."""
    url = here.database.engine.url.set(drivername="postgresql")
    name = str(url.database)
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as conn:
        conn.execute("SET default_transaction_read_only = off")
        change = f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}'
        conn.execute(change)  # type: ignore[arg-type]
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_backend_pid()",
            (name,),
        )
    here.database.engine.dispose()


@SQLITE
def test_18_a_disk_that_is_full_promises_nothing(here: House) -> None:
    told = here.complete(40)
    # The others have stopped: only what is received makes the file grow.
    for name in ("worker-normalise", "clock"):
        here.fleet.pause(name)
    size = (here.folder / "b.sqlite").stat().st_size
    before = here.count(tables.delivery)
    _limit(here, (size, resource.RLIM_INFINITY))
    taken = refused(here, told, before=before)

    _limit(here, UNLIMITED)
    for name in ("worker-normalise", "clock"):
        here.fleet.resume(name)
    here.insist(*told)
    assert before + len(told) == here.count(tables.delivery)
    assert len(taken) < len(told)
    here.all_is_well(told)


def _limit(here: House, limits: tuple[int, int]) -> None:
    """How large a file may grow by the hand of those who receive."""
    web = here.fleet.pid("web")
    for pid in (web, *children_of(web)):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@SQLITE
def test_18_a_database_that_stays_busy_promises_nothing(here: House) -> None:
    told = here.complete(2)
    before = here.count(tables.delivery)
    path = here.folder / "b.sqlite"
    with closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as other:
        _insist(lambda: other.execute("begin exclusive"))
        assert 503 == here.post(told[0].body).status_code

    assert before == here.count(tables.delivery)
    here.insist(*told)
    here.all_is_well(told)


def _insist(act: Callable[[], object]) -> None:
    """Others write, too: SQLite tells whoever waits too long that it is busy."""
    for _ in range(5):
        try:
            act()
        except sqlite3.OperationalError:
            continue
        return
    act()
