"""The database and its clock, on which all else stands."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from runtime import checkup, schema
from runtime.checkup import Finding
from vault import wiring
from vault.checks.installation import Installation
from vault.store.tables import MIGRATIONS, certificate


def database(of: Installation) -> Iterator[Finding]:
    """Whether it can be used, and whether its schema is this program's."""
    try:
        schema.require_current(of.database, MIGRATIONS, remedy=wiring.MIGRATE)
    except schema.SchemaError as exc:
        yield Finding(text=str(exc))
    except DBAPIError as exc:
        yield Finding(
            text=f"It cannot be used: {exc.orig}. Check VAULT_DATABASE_URL, and whether it runs."
        )


def clock(of: Installation) -> Iterator[Finding]:
    """Whether the clocks agree, and none was set back."""
    yield from checkup.clock(of.database)
    newest = sa.select(certificate.c.created_at).order_by(certificate.c.id.desc()).limit(1)
    yield from checkup.not_to_come(of.database, newest, "The newest certificate was made at")
