"""Builds the vault from its settings; web, worker, clock and command line call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runtime.bell import Bell, Ring
from runtime.database import Database
from runtime.group_commit import GroupCommit
from runtime.schema import require_current
from vault.addresses import Addresses
from vault.files import Files
from vault.intake import Intake
from vault.processing import Processing
from vault.settings import Settings
from vault.stamp import Stamper
from vault.store.tables import MIGRATIONS

SERVICE = "vault"
MIGRATE = "Run: certvault migrate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """The parts of one running vault."""

    settings: Settings
    database: Database
    writer: GroupCommit[Any]
    files: Files
    addresses: Addresses
    intake: Intake


def build(settings: Settings, *, ring: Ring | None = None) -> Vault:
    """Build everything; raises runtime.schema.SchemaError unless the schema is current.

    ``ring`` is for tests; otherwise bells go to the Redis of the settings.
    """
    database = Database(settings.database_url)
    require_current(database, MIGRATIONS, remedy=MIGRATE)
    files = Files(settings.files)
    writer: GroupCommit[Any] = GroupCommit(database)
    ring = ring or Bell(settings.redis_url, service=SERVICE).ring
    return Vault(
        settings=settings,
        database=database,
        writer=writer,
        files=files,
        addresses=Addresses(settings.public_url),
        intake=Intake(database=database, writer=writer, files=files, ring=ring),
    )


def processing(vault: Vault) -> Processing:
    """Build the processing step, which a worker needs and the web does not."""
    return Processing(
        database=vault.database,
        files=vault.files,
        addresses=vault.addresses,
        stamper=Stamper(),
        lease=vault.settings.lease,
    )
