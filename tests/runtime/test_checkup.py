"""What a doctor looks at: clocks, disks, private files, processes; and how it tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime import checkup
from runtime.checkup import Finding, examine, note
from runtime.database import Database
from runtime.heartbeat import Sign

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def texts(found: Iterator[Finding]) -> list[str]:
    return [one.text for one in found if one.is_trouble]


def test_notes_are_told_and_are_no_trouble() -> None:
    said: list[str] = []

    assert examine({"a": list, "b": lambda: [note("So it is.")]}, said.append)
    assert ["a: well", "b: well", "  note: So it is."] == said


def test_trouble_is_told_and_the_rest_looked_at() -> None:
    said: list[str] = []

    assert not examine({"a": lambda: [Finding(text="Mend it.")], "b": list}, said.append)
    assert ["a: trouble", "  Mend it.", "b: well"] == said


def test_where_the_ground_is_unsound_nothing_else_is_looked_at() -> None:
    said: list[str] = []

    assert not examine({"a": lambda: [Finding(text="x")], "b": list}, said.append, ground="a")
    assert ["a: trouble", "  x"] == said


def test_a_file_that_cannot_be_looked_at_is_trouble_like_any(tmp_path: Path) -> None:
    said: list[str] = []
    gone = tmp_path / "gone"

    assert not examine({"a": lambda: checkup.private(gone), "b": list}, said.append)
    assert f"  {gone}: No such file or directory. Run this as the user" in said[1]
    assert "b: well" == said[2]


@pytest.mark.parametrize(("ahead", "told"), [(60, "60 s ahead of"), (-61, "61 s behind")])
def test_a_clock_that_differs_is_told(sqlite_url: str, ahead: int, told: str) -> None:
    elsewhere = timedelta(seconds=ahead)
    database = Database(sqlite_url, now=lambda: datetime.now(UTC) + elsewhere)

    (text,) = texts(checkup.clock(database))
    database.close()
    assert text.startswith(f"The database's clock is {told} this machine's.")


def test_clocks_that_agree_are_well(database_url: str) -> None:
    database = Database(database_url)

    assert [] == texts(checkup.clock(database))
    database.close()


def test_each_full_disk_is_told_of_once(tmp_path: Path) -> None:
    folders = [tmp_path, tmp_path / "a" / "b"]

    assert [] == texts(checkup.disk(folders, least_free=0))
    (text,) = texts(checkup.disk(folders, least_free=2**70))
    assert text.startswith(f"The disk of {tmp_path} has ")
    assert " MB left. Make room or enlarge it:" in text


def test_a_file_or_folder_that_others_may_read_is_told(tmp_path: Path) -> None:
    file, folder = tmp_path / "key", tmp_path / "folder"
    file.touch(0o640)
    folder.mkdir(0o701)

    assert [f"{file} is open to other users (mode 0640). Close it: chmod 600 {file}"] == texts(
        checkup.private(file)
    )
    assert [f"{folder} is open to other users (mode 0701). Close it: chmod 700 {folder}"] == texts(
        checkup.private(folder)
    )
    file.chmod(0o400)
    assert [] == texts(checkup.private(file))


def sign(name: str, *, ago: int, is_alive: bool) -> Sign:
    seen = NOW - timedelta(seconds=ago)
    return Sign(name=name, host="h", pid=ago, started_at=seen, seen_at=seen, is_alive=is_alive)


def test_processes_that_nobody_runs_are_told() -> None:
    signs = [
        sign("worker", ago=1, is_alive=True),
        sign("clock", ago=70, is_alive=False),
        sign("worker", ago=80, is_alive=False),
        sign("clock", ago=90, is_alive=False),
    ]
    commands = {"worker": "x worker", "clock": "x clock", "mailer": "x mailer"}

    start = "Start it, or `x serve` for all."
    last = "since 2026-01-02 03:02:55 UTC, when process 70 on h was seen last"

    assert [
        f"Nobody runs `x clock` {last}. {start}",
        f"Nobody runs `x mailer`. {start}",
    ] == texts(checkup.processes(signs, commands, all_by="x serve"))
