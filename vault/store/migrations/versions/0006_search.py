"""What lists and searches stand on."""

from __future__ import annotations

revision = "vault_0006"
down_revision = "vault_0005"


def upgrade() -> None:
    """Make the tables and columns."""
