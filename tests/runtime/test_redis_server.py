"""The embedded Redis: private to its owner, on a unix socket, and forgetful on purpose."""

from __future__ import annotations

import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from runtime.redis_server import EmbeddedRedis, embedded
from tests.conftest import answers
from tests.polling import eventually


@contextmanager
def running(server: EmbeddedRedis) -> Iterator[redis.Redis]:
    process = subprocess.Popen(server.command, stdout=subprocess.DEVNULL)  # noqa: S603  # our own
    try:
        eventually(lambda: answers(server.url))
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            yield client
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder in which a socket's path is not too long, as it may be in pytest's own."""
    with tempfile.TemporaryDirectory(prefix="vb-") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    "name", ["redis", "it's 100% déjà vu?#1", "long/" * 30], ids=["plain", "odd", "too long"]
)
def test_it_serves_its_owner_on_a_unix_socket_only(short_path: Path, name: str) -> None:
    folder = short_path / name
    with running(embedded(folder)) as client:
        socket = Path(str(client.config_get("unixsocket")["unixsocket"]))
        found = {
            **client.config_get("port"),
            **client.config_get("save"),
            **client.config_get("appendonly"),
            **client.config_get("maxmemory-policy"),
        }

        expected = {
            "port": "0",
            "save": "",
            "appendonly": "no",
            "maxmemory-policy": "noeviction",
        }

        assert expected == found
        for path in (socket, socket.parent, folder):
            assert 0o700 == stat.S_IMODE(path.stat().st_mode)
        assert (socket.parent == folder) is ("long" not in name)
    if socket.parent != folder:
        shutil.rmtree(socket.parent)


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "redis"
    folder.mkdir(mode=0o755)
    embedded(folder)

    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)


def test_it_starts_again_over_the_socket_of_one_that_was_killed(short_path: Path) -> None:
    server = embedded(short_path)
    first = subprocess.Popen(server.command, stdout=subprocess.DEVNULL)  # noqa: S603  # our own
    eventually(lambda: answers(server.url))
    first.kill()
    first.wait()

    with running(server) as client:
        assert client.ping()
