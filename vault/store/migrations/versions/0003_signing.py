"""Institutions' signing keys and what became of a signature."""

from __future__ import annotations

revision = "vault_0003"
down_revision = "vault_0002"


def upgrade() -> None:
    """Make the tables and columns."""
