"""Where the reading of a vault's list was cut short, and goes on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the table; every list is read from its beginning once more."""
    op.create_table(
        "vault_walk",
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("issuer_id", sa.String(32), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("leg", sa.String(16)),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("found", sa.LargeBinary(), nullable=False),
        sa.Column("revoked_at", UtcDateTime()),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_vault_walk_site_id")),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuer.id"], name=op.f("fk_vault_walk_issuer_id")),
        sa.PrimaryKeyConstraint("site_id", "issuer_id", name=op.f("pk_vault_walk")),
    )
