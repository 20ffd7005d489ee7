"""A world for each test: on SQLite and on PostgreSQL, migrated once and then copied or emptied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
import structlog
from sqlalchemy.engine.interfaces import DBAPIConnection

from bridge.certificates.render import Renderer
from bridge.pipeline.learner_links import LearnerLinks
from bridge.store.tables import metadata
from bridge.wiring import MIGRATIONS
from runtime.database import Database
from runtime.http import Client
from runtime.keys import Keys
from runtime.schema import migrate
from tests import scripted_lms
from tests.bridge.institution import KEY, settings
from tests.bridge.world import Clock, TimedBridge, World
from tests.scripted_vault import ScriptedVault

#: Long enough for a busy machine; a call without an answer ends by a closed connection.
CALL = timedelta(seconds=20)


@pytest.fixture(scope="session", autouse=True)
def _terse_logs() -> Iterator[None]:
    """Traces without every local variable: by default each takes a second to print."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "migrated.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _migrated_postgres(_postgres: sa.URL) -> str:
    name = f"bridge_{uuid4().hex}"
    with psycopg.connect(_text(_postgres), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    url = _text(_postgres.set(database=name))
    _migrate(url)
    return url


def _migrate(url: str) -> None:
    database = Database(url)
    migrate(database, MIGRATIONS, backups=None)
    database.close()


def _text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with the bridge's tables, empty: once SQLite, once PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "bridge.sqlite"
        shutil.copyfile(request.getfixturevalue("_migrated_sqlite"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("_migrated_postgres")
    with psycopg.connect(url, autocommit=True) as conn:
        names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
        conn.execute(f"TRUNCATE {names} RESTART IDENTITY")
    return url


@pytest.fixture(scope="session")
def _renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renderer]:
    with Renderer(font_cache=tmp_path_factory.mktemp("fonts")) as renderer:
        yield renderer


@pytest.fixture
def clock() -> Clock:
    """The test's clock, at noon."""
    return Clock()


@pytest.fixture
def vault(clock: Clock) -> Iterator[ScriptedVault]:
    """A vault that does as it is told."""
    vault = ScriptedVault(now=clock.now)
    yield vault
    vault.stop()


@pytest.fixture
def lms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> scripted_lms.ScriptedLms:
    """An LMS that does as it is told, its connector installed."""
    monkeypatch.syspath_prepend(scripted_lms.install(tmp_path / "plug-in"))
    scripted_lms.ScriptedConnector.lms = scripted_lms.ScriptedLms()
    return scripted_lms.ScriptedConnector.lms


@pytest.fixture(scope="session")
def _http() -> Iterator[Client]:
    with Client(allowed=["127.0.0.1"], deadline=CALL) as http:
        yield http


@pytest.fixture
def bridge(
    migrated_url: str, clock: Clock, _http: Client, _renderer: Renderer
) -> Iterator[TimedBridge]:
    """A bridge as `bridge.wiring.build` makes it, but for the clock and the bell."""
    values = settings(allowed_private_hosts="127.0.0.1")
    keys = Keys([KEY])
    rung: list[str] = []
    made = TimedBridge(
        settings=values,
        database=_hasty(Database(migrated_url, now=clock.tick)),
        keys=keys,
        links=LearnerLinks(keys, values.public_url, values.download_expires),
        renderer=_renderer,
        ring=rung.append,
        vault_http=_http,
        lms_http=_http,
        owner="worker-1",
        clock=clock,
    )
    yield made
    made.database.close()


def _hasty(database: Database) -> Database:
    """Let no commit wait for the disk: no test here pulls the plug, and each commits often."""
    off = "PRAGMA synchronous=OFF" if database.is_sqlite else "SET synchronous_commit TO off"

    @sa.event.listens_for(database.engine, "connect")
    def _off(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(off)
        cursor.close()
        connection.commit()

    return database


@pytest.fixture
def world(
    bridge: TimedBridge, clock: Clock, vault: ScriptedVault, lms: scripted_lms.ScriptedLms
) -> World:
    """The bridge with an issuer, two sites and a mapping."""
    rung: list[str] = bridge.ring.__self__  # type: ignore[attr-defined]
    return World(bridge=bridge, clock=clock, vault=vault, lms=lms, rung=rung)
