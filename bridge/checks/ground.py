"""The database, its server and its clock, on which all else stands."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from bridge import wiring
from bridge.checks.installation import Installation
from bridge.store.tables import delivery
from runtime import checkup, schema
from runtime.checkup import Finding

#: Without these a committed row can be lost with the machine's power (PostgreSQL's documentation,
#: "Write Ahead Log", "Settings").
KEPT = ("fsync", "full_page_writes")
#: A process of ours takes up to fifteen connections; fewer left than this, and some will wait.
LEAST_CONNECTIONS = 10


def database(of: Installation) -> Iterator[Finding]:
    """Whether it can be used, and whether its schema is this program's."""
    try:
        schema.require_current(of.database, wiring.MIGRATIONS, remedy=wiring.MIGRATE)
        with of.database.write() as conn:
            conn.execute(sa.text("SELECT 1"))
    except schema.SchemaError as exc:
        yield Finding(text=str(exc))
    except DBAPIError as exc:
        yield Finding(
            text=f"It cannot be used: {exc.orig}. Check BRIDGE_DATABASE_URL, whether it runs, and "
            "whether this user may write to it."
        )


def server(of: Installation) -> Iterator[Finding]:
    """Whether PostgreSQL keeps what is committed, and has connections left; SQLite needs none."""
    if of.database.is_sqlite:
        return
    with of.database.read() as conn:
        for name in KEPT:
            if conn.execute(sa.text(f"SHOW {name}")).scalar_one() != "on":
                yield Finding(
                    text=f"PostgreSQL runs with {name} off: deliveries that were answered 202 can "
                    f"be lost with the power. Set {name} = on in postgresql.conf, and reload."
                )
        most = int(conn.execute(sa.text("SHOW max_connections")).scalar_one())
        used = sa.select(sa.func.count()).select_from(sa.table("pg_stat_activity"))
        left = most - int(conn.execute(used).scalar_one())
    if left < LEAST_CONNECTIONS:
        yield Finding(
            text=f"PostgreSQL has {left} of {most} connections left. Raise max_connections in "
            "postgresql.conf, and restart it."
        )


def clock(of: Installation) -> Iterator[Finding]:
    """Whether the clocks agree, and none was set back."""
    yield from checkup.clock(of.database)
    newest = sa.select(delivery.c.received_at).order_by(delivery.c.id.desc()).limit(1)
    yield from checkup.not_to_come(of.database, newest, "The newest delivery came at")
