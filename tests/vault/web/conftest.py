"""A vault that a real server serves."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.polling import eventually
from tests.processes import program
from tests.vault.world import World


@pytest.fixture
def served(
    world: World, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    """The port of a vault that Granian serves."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    for name, value in {
        "DATABASE_URL": sqlite_url,
        "REDIS_URL": "redis://127.0.0.1:1",
        "FILES": str(tmp_path / "files"),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PORT": str(port),
    }.items():
        monkeypatch.setenv(f"VAULT_{name}", value)
    with program("vault.cli", "web", log=tmp_path / "web.log") as process:
        eventually(lambda: _lives(port))
        yield port
        process.terminate()
        process.wait(timeout=20)


def _lives(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live").status_code == 200
    except httpx.TransportError:
        return False
