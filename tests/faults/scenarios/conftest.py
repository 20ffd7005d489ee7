"""A house on each kind of database, built once for each process of tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
import sqlalchemy as sa

from tests.faults.scenarios.house import House, house


@pytest.fixture(scope="session")
def _houses(request: pytest.FixtureRequest) -> Iterator[dict[str, House]]:
    with ExitStack() as stack:
        yield _Built(request, stack)


class _Built(dict[str, House]):
    """Houses by the kind of their database, each built when it is first wanted."""

    def __init__(self, request: pytest.FixtureRequest, stack: ExitStack) -> None:
        super().__init__()
        self._request, self._stack = request, stack

    def __missing__(self, kind: str) -> House:
        folder = Path(tempfile.mkdtemp(prefix="vb-h-"))  # pytest's own are too long for a socket
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        url = f"sqlite:///{folder / 'b.sqlite'}"
        if kind == "postgresql":
            url = _database(self._request.getfixturevalue("_postgres"))
        self[kind] = self._stack.enter_context(house(folder, url))
        return self[kind]


def _database(server: sa.URL) -> str:
    name = f"house_{uuid4().hex}"
    with psycopg.connect(server.render_as_string(hide_password=False), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"')
    return server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def here(_houses: dict[str, House], kind: str) -> Iterator[House]:
    """The house on this kind of database; whatever a test breaks is mended after it."""
    found = _houses[kind]
    yield found
    found.mend()
