"""Uploads, batches, revocation, erasure."""

from __future__ import annotations

revision = "vault_0002"
down_revision = "vault_0001"


def upgrade() -> None:
    """Make the tables and columns."""
