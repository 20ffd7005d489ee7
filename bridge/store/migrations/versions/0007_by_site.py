"""What is asked of LMSs is asked by site, and a site that does not answer is left alone."""

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the gate of a site, and look for due rows by site."""
    op.add_column("site", sa.Column("shut_until", UtcDateTime()))
    op.add_column("site", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    for table in ("completion", "write_back"):
        op.drop_index(f"ix_{table}_state_next_run_at", table)
        op.create_index(f"ix_{table}_site_id_next_run_at", table, ["site_id", "next_run_at"])
