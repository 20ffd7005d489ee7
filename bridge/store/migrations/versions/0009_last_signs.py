"""When each site and issuer was heard of last is found without reading all of its rows."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("ix_delivery_site_id_received_at", "delivery", ["site_id", "received_at"])
    op.create_index("ix_issuance_issuer_id_generated_at", "issuance", ["issuer_id", "generated_at"])
    op.create_index("ix_write_back_site_id_written_at", "write_back", ["site_id", "written_at"])
