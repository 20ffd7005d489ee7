"""The database and its clock, on which all else stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from runtime import checkup, schema
from runtime.checkup import Finding
from vault import wiring
from vault.checks.installation import Installation
from vault.store.tables import MIGRATIONS, certificate

#: So far ahead a record is not only of another machine's clock.
FUTURE = timedelta(minutes=1)


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
    with of.database.read() as conn:
        now = of.database.now(conn)
        made = conn.execute(newest).scalar_one_or_none()
    if made is not None and made > now + FUTURE:
        yield Finding(
            text=f"The newest certificate was made at {made:%Y-%m-%d %H:%M} UTC, which is still to "
            "come: the clock was set back. Let it follow the network's time: timedatectl set-ntp "
            "true. What was due then waits until then."
        )
