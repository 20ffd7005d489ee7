"""Customers, their addresses, matches and notices."""

from __future__ import annotations

revision = "vault_0004"
down_revision = "vault_0003"


def upgrade() -> None:
    """Make the tables and columns."""
