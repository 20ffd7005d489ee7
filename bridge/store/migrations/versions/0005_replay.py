"""Replays have rows of their own, and can ask for the mapping versions of then."""

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the table of replays."""
    op.add_column("completion", sa.Column("map_with", sa.String(length=16), nullable=True))
    op.create_table(
        "replay",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("who", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("mapping", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("selected", sa.Integer(), nullable=False),
        sa.Column("going", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cursor", sa.String(length=64), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay")),
    )
