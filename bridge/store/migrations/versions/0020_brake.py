"""What looks wrong as a group is held: crowds are counted, and may be announced."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add announcements, the day of a hold, and an index to count a course's days by."""
    op.add_column("hold", sa.Column("day", sa.String(64)))
    op.create_index(
        "ix_completion_site_id_course_id_round", "completion", ["site_id", "course_id", "round"]
    )
    op.create_table(
        "announcement",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("mapping_name", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
    )
    op.create_index("ix_announcement_mapping_name_until", "announcement", ["mapping_name", "until"])
