"""Build everything a process of the bridge needs from its settings."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, closing
from pathlib import Path
from uuid import uuid4

from bridge.certificates.render import Renderer
from bridge.certificates.templates import folders
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.learner_links import LearnerLinks
from bridge.settings import Settings
from runtime.bell import Ring
from runtime.database import Database
from runtime.http import Client
from runtime.keys import Keys
from runtime.schema import migrate, require_current

MIGRATIONS = Path(__file__).parent / "store" / "migrations"

MIGRATE = "Run `vaultbridge migrate`."

__all__ = ["Bridge", "assemble", "build", "migrate_database"]


def build(settings: Settings, *, ring: Ring) -> Bridge:
    """Open the database (its schema must be current), read the keys, make the clients.

    Raises runtime.schema.SchemaError, runtime.keys.KeyProblem.
    """
    keys = Keys.read(settings.key_file)
    database = Database(settings.database_url)
    with ExitStack() as if_it_fails:
        if_it_fails.callback(database.close)
        require_current(database, MIGRATIONS, remedy=MIGRATE)
        if_it_fails.pop_all()
    return assemble(settings, database=database, keys=keys, ring=ring)


def assemble(settings: Settings, *, database: Database, keys: Keys, ring: Ring) -> Bridge:
    """Put a bridge together from what was opened and looked at already."""
    return Bridge(
        settings=settings,
        database=database,
        keys=keys,
        links=LearnerLinks(
            keys, public_url=settings.public_url, download_expires=settings.download_expires
        ),
        renderer=Renderer(
            font_cache=settings.cache_dir / "fonts", folders=folders(settings.templates_dir)
        ),
        ring=ring,
        vault_http=Client(allowed=settings.allowed_private_hosts, deadline=settings.vault_deadline),
        lms_http=Client(allowed=settings.allowed_private_hosts, deadline=settings.lms_deadline),
        owner=f"{socket.gethostname()[:20]}-{os.getpid()}-{uuid4().hex[:12]}",
    )


def migrate_database(settings: Settings) -> Path | None:
    """Bring the schema up to date; return the copy made before, if one was."""
    with closing(Database(settings.database_url)) as database:
        return migrate(database, MIGRATIONS, backups=settings.backup_dir)
