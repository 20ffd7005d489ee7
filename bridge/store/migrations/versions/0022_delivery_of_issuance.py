"""The delivery that an issuance came from, so that every log line of it can name that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the column, and fill it for what there is."""
    op.add_column("issuance", sa.Column("delivery_id", sa.String(32)))
    op.execute(
        "UPDATE issuance SET delivery_id = "
        "(SELECT completion.delivery_id FROM completion WHERE completion.id = completion_id)"
    )
