"""An issue date knows its moment and its time zone; a site may have a zone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add a site's time zone, and why an issue date is that day."""
    op.add_column("site", sa.Column("timezone", sa.String(64)))
    op.add_column("issuance", sa.Column("dated", sa.JSON()))
