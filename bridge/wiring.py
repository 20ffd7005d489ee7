"""Build everything a process of the bridge needs from its settings."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from uuid import uuid4

from bridge.certificates.render import Renderer
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.learner_links import LearnerLinks
from bridge.settings import Settings
from runtime.bell import Ring
from runtime.database import Database
from runtime.http import Client
from runtime.keys import Keys
from runtime.schema import migrate, require_current

MIGRATIONS = Path(__file__).parent / "store" / "migrations"

__all__ = ["Bridge", "build", "migrate_database"]


def build(settings: Settings, *, ring: Ring) -> Bridge:
    """Open the database (its schema must be current), read the keys, make the clients.

    Raises runtime.schema.SchemaError, runtime.keys.KeyProblem.
    """
    database = Database(settings.database_url)
    require_current(database, MIGRATIONS, remedy="Run `vaultbridge migrate`.")
    keys = Keys.read(settings.key_file)
    return Bridge(
        settings=settings,
        database=database,
        keys=keys,
        links=LearnerLinks(
            keys, public_url=settings.public_url, download_expires=settings.download_expires
        ),
        renderer=Renderer(font_cache=settings.cache_dir / "fonts"),
        ring=ring,
        vault_http=Client(allowed=settings.allowed_private_hosts, deadline=settings.vault_deadline),
        lms_http=Client(allowed=settings.allowed_private_hosts, deadline=settings.lms_deadline),
        owner=f"{socket.gethostname()[:20]}-{os.getpid()}-{uuid4().hex[:12]}",
    )


def migrate_database(settings: Settings) -> Path | None:
    """Bring the schema up to date; return the copy made before, if one was."""
    return migrate(Database(settings.database_url), MIGRATIONS, backups=settings.backup_dir)
