"""What bulk uploads and a vault that is left alone need."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("issuer", sa.Column("shut_until", UtcDateTime()))
    op.add_column("issuer", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("issuance", sa.Column("vault_file_id", sa.String(64)))
    op.add_column("issuance", sa.Column("vault_file_at", UtcDateTime()))
    op.add_column("issuance", sa.Column("batch_id", sa.String(64)))
    op.add_column("issuance", sa.Column("appear_by", UtcDateTime()))
