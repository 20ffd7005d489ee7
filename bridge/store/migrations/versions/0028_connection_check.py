"""What was found when a site's or an issuer's permissions were tried last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add the table of checks."""
    op.create_table(
        "connection_check",
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_connection_check")),
    )
