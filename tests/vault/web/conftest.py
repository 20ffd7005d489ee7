"""A vault that a real server serves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.polling import PATIENCE_S, eventually
from tests.ports import free_port
from tests.processes import program
from tests.vault.world import World


@pytest.fixture
def served(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a vault that Granian serves."""
    with _serving(world, tmp_path, monkeypatch) as port:
        yield port


@pytest.fixture
def each_served(
    each_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    """The port of a vault that Granian serves, once on SQLite and once on PostgreSQL."""
    with _serving(each_world, tmp_path, monkeypatch) as port:
        yield port


@contextmanager
def _serving(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    port = free_port()
    for name, value in {
        "DATABASE_URL": world.vault.settings.database_url,
        "REDIS_URL": "redis://127.0.0.1:1",
        "FILES": str(world.vault.settings.files),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PORT": str(port),
    }.items():
        monkeypatch.setenv(f"VAULT_{name}", value)
    with program("vault.cli", "web", log=tmp_path / "web.log") as process:
        eventually(lambda: _lives(port))
        yield port
        process.terminate()
        process.wait(timeout=PATIENCE_S)


def _lives(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
    except httpx.TransportError:
        return False
