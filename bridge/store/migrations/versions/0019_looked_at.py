"""What is held for missing data is looked up again every night."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add when the LMS was last asked for what was missing."""
    op.add_column("completion", sa.Column("looked_at", UtcDateTime()))
