"""Replays that a worker goes on with, where whoever began one does not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Add the lease; those that were interrupted before go on by hand alone."""
    op.add_column("replay", sa.Column("next_run_at", UtcDateTime()))
    op.add_column("replay", sa.Column("lease_owner", sa.String(64)))
    op.add_column("replay", sa.Column("lease_until", UtcDateTime()))
    op.add_column("replay", sa.Column("fence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("replay", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_replay_state_next_run_at", "replay", ["state", "next_run_at"])
