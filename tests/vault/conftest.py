"""Vaults for tests: on SQLite, or on both databases where a database could matter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.vault.world import World, make


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """An empty vault on SQLite."""
    made = make(sqlite_url, tmp_path / "files")
    yield made
    made.vault.database.close()


@pytest.fixture
def each_world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """An empty vault, once on SQLite and once on PostgreSQL."""
    made = make(database_url, tmp_path / "files")
    yield made
    made.vault.database.close()


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    """ABC University, with every permission."""
    abc = world.institution("ABC University", "admin@abcuniversity.edu")
    with world.client(world.token(abc)) as found:
        yield found
