"""A vault to measure: its settings, an institution with a token, its processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runtime.database import Database
from runtime.keys import Keys
from runtime.redis_server import embedded
from runtime.schema import migrate
from vault.store import institutions
from vault.store.tables import MIGRATIONS
from vault.tokens import Permission, new_token

#: Longer than a process may take to start on a busy machine.
PATIENCE_S = 60
POLL_S = 0.05
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A migrated vault with one institution."""

    environment: Mapping[str, str]
    port: int
    institution_id: int
    token: str


def prepare(database_url: str, folder: Path) -> Prepared:
    """Make a vault in an empty database, its limit of requests out of the way."""
    database = Database(database_url)
    migrate(database, MIGRATIONS, backups=None)
    made, now = new_token(), datetime.now(UTC)
    with database.write() as conn:
        mine = institutions.add(conn, {"name": "Example University"}, now=now)
        institutions.add_token(
            conn,
            institution_id=mine,
            made=made,
            permissions=frozenset(Permission),
            expires_at=None,
            now=now,
        )
    database.close()
    Keys.read_or_create(folder / "secret.key")
    port = free_port()
    environment = {
        "VAULT_DATABASE_URL": database_url,
        "VAULT_REDIS_URL": embedded(folder / "run").url,
        "VAULT_FILES": str(folder / "files"),
        "VAULT_KEY_FILE": str(folder / "secret.key"),
        "VAULT_PUBLIC_URL": "https://vault.example.edu",
        "VAULT_PORT": str(port),
        "VAULT_REQUESTS_PER_MINUTE": "1000000",
    }
    return Prepared(environment=environment, port=port, institution_id=mine, token=made.text)


@contextmanager
def program(
    *arguments: str, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python -m arguments`` with these variables alone beside the machine's own."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("BRIDGE_", "VAULT_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  # our own
            [sys.executable, "-m", *arguments],
            env={**own, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@contextmanager
def running(vault: Prepared, folder: Path, *commands: Sequence[str]) -> Iterator[list[int]]:
    """Run a private Redis and these commands of certvault; the ids of the latter."""
    with ExitStack() as stack:
        redis = subprocess.Popen(embedded(folder / "run").command, stdout=subprocess.DEVNULL)  # noqa: S603  # our own
        stack.callback(redis.wait)
        stack.callback(redis.terminate)
        yield [
            stack.enter_context(
                program(
                    "vault.cli",
                    *command,
                    environment=vault.environment,
                    log=folder / f"{'-'.join(command)}.log",
                )
            ).pid
            for command in commands
        ]


def answers(port: int) -> None:
    """Wait until something listens on a port of this machine; raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(POLL_S)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server((HOST, 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
