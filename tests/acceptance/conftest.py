"""One installation for each kind of database, shared by the tests of a process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa

from tests.acceptance.installation import Installation


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """Everything running, configured, with a campus connected as the site moodle-main."""
    folder = Path(tempfile.mkdtemp(prefix="vb-"))
    if request.param == "sqlite":
        urls = [f"sqlite:///{folder / name}.sqlite" for name in ("bridge", "vault")]
    else:
        server: sa.URL = request.getfixturevalue("_postgres")
        urls = [_database(server) for _ in range(2)]
    bridge_database, vault_database = urls
    made = Installation(folder, bridge_database=bridge_database, vault_database=vault_database)
    with made.running():
        yield made
    shutil.rmtree(folder)


def _database(server: sa.URL) -> str:
    name = f"acceptance_{uuid4().hex}"
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    return server.set(database=name).render_as_string(hide_password=False)
