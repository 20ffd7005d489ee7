"""Failures have a cause to be grouped by, and a moment since which they last."""

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0002"
down_revision = "0001"

#: Each table whose rows can be in trouble, and the columns of its index.
TABLES = {
    "delivery": ("cause", "site_id", "state", "failing_since"),
    "completion": ("cause", "site_id", "state", "failing_since"),
    "issuance": ("cause", "site_id", "state", "failing_since"),
    "write_back": ("cause", "site_id", "state", "failing_since"),
    "mail": ("cause", "state", "failing_since"),
    "issuer": (),
    "site": (),
}


def upgrade() -> None:
    """Add the columns; what is in trouble already failed before causes were told."""
    op.add_column("mail", sa.Column("remedy", sa.Text(), nullable=True))
    failing = sa.text("cause IS NOT NULL")
    for name, columns in TABLES.items():
        op.add_column(name, sa.Column("cause", sa.String(length=200), nullable=True))
        op.add_column(name, sa.Column("failing_since", UtcDateTime(), nullable=True))
        _name_what_failed(name)
        if columns:
            op.create_index(
                f"ix_{name}_cause",
                name,
                list(columns),
                unique=False,
                sqlite_where=failing,
                postgresql_where=failing,
            )


def _name_what_failed(name: str) -> None:
    table = sa.table(
        name,
        sa.column("problem", sa.Text()),
        sa.column("cause", sa.String()),
        sa.column("failing_since", UtcDateTime()),
        sa.column("created_at", UtcDateTime()),
        sa.column("received_at", UtcDateTime()),
    )
    since = table.c.received_at if name == "delivery" else table.c.created_at
    op.execute(
        sa.update(table)
        .where(table.c.problem.is_not(None))
        .values(cause=f"{name}.unknown", failing_since=since)
    )
