"""Webhook endpoints and their deliveries."""

from __future__ import annotations

revision = "vault_0005"
down_revision = "vault_0004"


def upgrade() -> None:
    """Make the tables and columns."""
