"""A certificate may be valid for a time only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the last day a certificate is valid, to be looked up by."""
    op.add_column("issuance", sa.Column("expires_on", sa.Date()))
    op.create_index("ix_issuance_expires_on", "issuance", ["expires_on"])
