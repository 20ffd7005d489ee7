"""What is asked of vaults is asked by issuer."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Look for due issuances by issuer."""
    op.drop_index("ix_issuance_state_next_run_at", "issuance")
    columns = ["issuer_id", "state", "next_run_at"]
    op.create_index("ix_issuance_issuer_id_state_next_run_at", "issuance", columns)
