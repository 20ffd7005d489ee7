"""A vault to measure: its settings, an institution with a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.processes import free_port
from runtime.database import Database
from runtime.keys import Keys
from runtime.redis_server import embedded
from runtime.schema import migrate
from vault.store import institutions
from vault.store.tables import MIGRATIONS
from vault.tokens import Permission, new_token


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
