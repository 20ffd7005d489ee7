"""Institutions' signing keys and what became of a signature."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "vault_0003"
down_revision = "vault_0002"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and columns."""
    op.create_table(
        "signing_key",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("institution_id", sa.Integer, nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("valid_until", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_key"),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institution.id"], name="fk_signing_key_institution_id"
        ),
        sa.UniqueConstraint("institution_id", name="uq_signing_key_institution_id"),
    )
    op.add_column("certificate", sa.Column("verification_notes", sa.Text))
