"""A world for each test: on SQLite and on PostgreSQL, migrated once and then emptied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa
import structlog

from bridge.certificates.render import Renderer
from bridge.pipeline.learner_links import LearnerLinks
from bridge.store.tables import metadata
from bridge.wiring import MIGRATIONS
from runtime.database import Database
from runtime.http import Client
from runtime.keys import Keys
from runtime.schema import migrate
from tests import scripted_lms
from tests.bridge.emptying import empty
from tests.bridge.institution import KEY, settings
from tests.bridge.world import Clock, TimedBridge, World
from tests.haste import hasty
from tests.scripted_vault import ScriptedVault

#: Long enough for a busy machine; a call without an answer ends by a closed connection.
CALL = timedelta(seconds=20)


@pytest.fixture(scope="session", autouse=True)
def _terse_logs() -> Iterator[None]:
    """Traces without every local variable: by default each takes a second to print."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()],
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def _clocks() -> list[Clock]:
    """The clock of the present test is the last."""
    return []


@pytest.fixture(scope="session")
def _sqlite(tmp_path_factory: pytest.TempPathFactory, _clocks: list[Clock]) -> Iterator[Database]:
    yield from _migrated(f"sqlite:///{tmp_path_factory.mktemp('bridge') / 'b.sqlite'}", _clocks)


@pytest.fixture(scope="session")
def _postgresql(_postgres: sa.URL, _clocks: list[Clock]) -> Iterator[Database]:
    name = f"bridge_{uuid4().hex}"
    with psycopg.connect(_postgres.render_as_string(hide_password=False), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    url = _postgres.set(database=name).render_as_string(hide_password=False)
    yield from _migrated(url, _clocks)


def _migrated(url: str, clocks: list[Clock]) -> Iterator[Database]:
    """One database, and one engine, for all tests: an engine compiles each statement anew."""

    def now() -> datetime:
        return clocks[-1].tick()

    database = hasty(Database(url, now=now))
    migrate(database, MIGRATIONS, backups=None)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database: every test runs once on each."""
    name: str = request.param
    return name


@pytest.fixture
def database(
    request: pytest.FixtureRequest, kind: str, clock: Clock, _clocks: list[Clock]
) -> Database:
    """The bridge's tables, empty, on the test's clock."""
    found: Database = request.getfixturevalue(f"_{kind}")
    _clocks.append(clock)
    empty(found)
    return found


@pytest.fixture
def migrated_url(database: Database) -> str:
    """The address of that database, for a process or an engine of its own."""
    return database.engine.url.set(
        drivername="sqlite" if database.is_sqlite else "postgresql"
    ).render_as_string(hide_password=False)


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
def changed_settings() -> Mapping[str, str]:
    """What a folder's tests set otherwise than it is by default."""
    return {}


@pytest.fixture
def bridge(
    database: Database,
    clock: Clock,
    changed_settings: Mapping[str, str],
    _http: Client,
    _renderer: Renderer,
) -> TimedBridge:
    """A bridge as `bridge.wiring.build` makes it, but for the clock and the bell."""
    values = settings(allowed_private_hosts="127.0.0.1", **changed_settings)
    keys = Keys([KEY])
    rung: list[str] = []
    return TimedBridge(
        settings=values,
        database=database,
        keys=keys,
        links=LearnerLinks(keys, values.public_url, values.download_expires),
        renderer=_renderer,
        ring=rung.append,
        vault_http=_http,
        lms_http=_http,
        owner="worker-1",
        clock=clock,
    )


@pytest.fixture
def world(
    bridge: TimedBridge, clock: Clock, vault: ScriptedVault, lms: scripted_lms.ScriptedLms
) -> Iterator[World]:
    """The bridge with an issuer, two sites and a mapping."""
    rung: list[str] = bridge.ring.__self__  # type: ignore[attr-defined]
    world = World(bridge=bridge, clock=clock, vault=vault, lms=lms, rung=rung)
    yield world
    _every_problem_has_its_cause(world)


def _every_problem_has_its_cause(world: World) -> None:
    """Whatever a test does: trouble has a cause to be grouped by, and they come and go together."""
    for table in metadata.tables.values():
        if "failing_since" not in table.c:
            continue
        for row in world.rows(table):
            said = (row.problem is None, row.cause is None, row.failing_since is None)

            assert said in ((True,) * 3, (False,) * 3), (table.name, row.problem, row.cause)
