"""``vaultbridge backup`` and ``restore``, as an operator uses them."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from bridge.store import tables
from runtime.database import Database
from runtime.keys import new_key
from tests.bridge.cli.conftest import Run
from tests.bridge.world import SITE, World


@pytest.fixture(autouse=True)
def own(
    tmp_path: Path, world: World, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A copy of the world's database for the commands: the other stays where it is open."""
    mine = tmp_path / "own" / "bridge.sqlite"
    mine.parent.mkdir()
    connection = world.bridge.database.engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(mine),))
    finally:
        connection.close()
    monkeypatch.setenv("BRIDGE_DATABASE_URL", f"sqlite:///{mine}")
    return mine


def site_of(path: Path) -> sa.Row[tuple[object, ...]]:
    database = Database(f"sqlite:///{path}")
    with database.read() as conn:
        row = conn.execute(sa.select(tables.site).where(tables.site.c.name == SITE)).one()
    database.close()
    return row


def alive(path: Path) -> None:
    """The clock gives a sign of life."""
    database = Database(f"sqlite:///{path}")
    with database.write() as conn:
        now = datetime.now(UTC)
        row = {"id": "1", "name": "clock", "host": "h", "pid": 7, "started_at": now}
        conn.execute(tables.process.insert().values(**row, seen_at=now))
    database.close()


def test_a_backup_holds_the_database_and_not_the_keys(run: Run, tmp_path: Path) -> None:
    told = run("backup", str(tmp_path / "copy"))

    assert (0, "") == (told.code, told.err)
    assert told.out.startswith(f"Copied the database to {tmp_path / 'copy'} (0.")
    assert "The keys are not in it" in told.out
    assert str(tmp_path / "secret.key") in told.out


def test_the_keys_are_copied_to_a_place_of_their_own(run: Run, tmp_path: Path) -> None:
    told = run("backup", str(tmp_path / "copy"), "--keys", str(tmp_path / "keys"))

    assert 0 == told.code
    assert (tmp_path / "secret.key").read_text() == (tmp_path / "keys").read_text()
    assert 0o600 == stat.S_IMODE((tmp_path / "keys").stat().st_mode)
    assert (tmp_path / "secret.key").read_text().strip() not in told.out
    again = run("backup", str(tmp_path / "copy 2"), "--keys", str(tmp_path / "keys"))
    assert (1, f"vaultbridge: {tmp_path / 'keys'} exists. Name a new file for the keys.\n") == (
        again.code,
        again.err,
    )


def test_a_restored_site_looks_before_it_sends(run: Run, own: Path, tmp_path: Path) -> None:
    run("backup", str(tmp_path / "copy"))
    told = run("restore", str(tmp_path / "copy"), "--as", "alice")

    assert 0 == told.code
    assert f"Put {tmp_path / 'copy'} back. The former database: {own.parent}/" in told.out
    assert "Looking before they send: scripted-main, signed-main." in told.out
    row = site_of(own)
    assert row.unsure_since < row.restored_at
    state = [one["unsure_since"] for one in run("status", "--json").json["sites"]]
    assert None not in state
    assert "restored: looks before it sends" in run("status").out


def test_a_person_lets_a_site_send(run: Run, own: Path, tmp_path: Path) -> None:
    run("restore", "--in-place")
    assert 2 == run("site", "resume", SITE).code, "without a reason"
    told = run("site", "resume", SITE, "--because", "compared by hand")

    assert (0, f"The site {SITE} sends again.\n") == (told.code, told.out)
    assert None is site_of(own).unsure_since
    assert (1, f"Error: The site {SITE} sends already.\n") == (
        (again := run("site", "resume", SITE, "--because", "x")).code,
        again.err,
    )


def test_nothing_is_restored_while_a_process_lives(run: Run, own: Path, tmp_path: Path) -> None:
    run("backup", str(tmp_path / "copy"))
    alive(own)
    told = run("restore", str(tmp_path / "copy"))

    assert 1 == told.code
    assert "signs of life within 60 s of: clock (process 7). Stop all processes" in told.err
    assert None is site_of(own).unsure_since


def test_a_copy_of_living_processes_is_restored_without_them(
    run: Run, own: Path, tmp_path: Path
) -> None:
    alive(own)
    run("backup", str(tmp_path / "copy"))
    own.unlink()

    assert 0 == run("restore", str(tmp_path / "copy")).code
    assert "vaultbridge clock" in run("status", "--json").json["processes_missing"]


def test_a_copy_of_other_keys_is_refused(run: Run, own: Path, tmp_path: Path) -> None:
    run("backup", str(tmp_path / "copy"))
    (tmp_path / "secret.key").write_text(new_key() + "\n")
    told = run("restore", str(tmp_path / "copy"))

    assert 1 == told.code
    assert "key" in told.err
    assert None is site_of(own).unsure_since


@pytest.mark.parametrize("arguments", [(), ("copy", "--in-place")])
def test_it_is_said_what_to_put_back(run: Run, arguments: tuple[str, ...]) -> None:
    told = run("restore", *arguments)

    assert (2, True) == (told.code, "Name the FILE to put back, or say --in-place." in told.err)
