"""Signs of life: given while a process works, left when it is killed, taken away at its end."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from runtime.database import Database
from runtime.heartbeat import LATELY, REMEMBERED, Sign, beating, columns, signs
from tests.polling import PATIENCE_S, eventually
from tests.processes import program

metadata = sa.MetaData()
process = sa.Table("process", metadata, *columns())
OFTEN = timedelta(milliseconds=20)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    metadata.create_all(made.engine)
    yield made
    made.close()


def seen(database: Database, *, later: timedelta = timedelta()) -> list[Sign]:
    with database.read() as conn:
        return signs(conn, process, now=database.now(conn) + later)


def test_a_process_is_seen_again_and_again_while_it_works(database: Database) -> None:
    with beating(database, process, "worker", every=OFTEN):
        (first,) = eventually(lambda: seen(database))
        eventually(lambda: seen(database)[0].seen_at > first.seen_at)
        (last,) = seen(database)

    assert ("worker", socket.gethostname(), os.getpid(), True) == (
        last.name,
        last.host,
        last.pid,
        last.is_alive,
    )
    assert first.started_at == last.started_at <= last.seen_at
    assert [] == seen(database)


def test_one_that_is_killed_stays_known_but_not_alive(database: Database, tmp_path: Path) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    with program("tests.runtime.programs.living", url, log=tmp_path / "log") as living:
        eventually(lambda: seen(database))
        living.kill()
        living.wait()

        assert [(living.pid, True)] == [(one.pid, one.is_alive) for one in seen(database)]
        later = seen(database, later=LATELY + timedelta(seconds=1))
        assert [(living.pid, False)] == [(one.pid, one.is_alive) for one in later]


def test_one_that_is_told_to_stop_leaves_no_sign(database: Database, tmp_path: Path) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    with program("tests.runtime.programs.living", url, log=tmp_path / "log") as living:
        eventually(lambda: seen(database))
        living.send_signal(signal.SIGTERM)

        assert 0 == living.wait(timeout=PATIENCE_S)
    assert [] == seen(database)


def test_the_killed_are_forgotten_after_a_while(database: Database) -> None:
    with database.write() as conn:
        now = database.now(conn)
        for name, ago in {"old": REMEMBERED + OFTEN, "recent": REMEMBERED / 2}.items():
            conn.execute(sa.insert(process).values(row(name, now - ago)))
    with beating(database, process, "new"):
        eventually(lambda: "new" in {one.name for one in seen(database)})

        assert ["new", "recent"] == [one.name for one in seen(database)]


def row(name: str, when: datetime) -> dict[str, object]:
    return {"id": name, "name": name, "host": "h", "pid": 1, "started_at": when, "seen_at": when}


def test_a_database_that_is_away_is_logged_and_tried_again(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with capture_logs() as logs, beating(database, process, "worker", every=OFTEN):
        eventually(lambda: logs)
        metadata.create_all(database.engine)
        eventually(lambda: seen(database))
    database.close()

    expected = {
        "event": "heartbeat_failed",
        "log_level": "warning",
        "name": "worker",
        "reason": "OperationalError",
    }

    assert expected == logs[0]
