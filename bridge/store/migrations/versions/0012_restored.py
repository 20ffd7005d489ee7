"""A site of a restored database looks before it sends."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add since when a site's rows may be out of date, and when they were put back."""
    op.add_column("site", sa.Column("unsure_since", UtcDateTime()))
    op.add_column("site", sa.Column("restored_at", UtcDateTime()))
