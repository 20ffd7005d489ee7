"""Erasing a learner's data: each request, and what vaults are to be told of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0026"
down_revision = "0025"


def _work() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_run_at", UtcDateTime()),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("fence", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
    )


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "erasure",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("salt", sa.String(64), nullable=False),
        sa.Column("sealed", sa.Text()),
        sa.Column("cursor", sa.String(32)),
        sa.Column("counts", sa.JSON(), nullable=False),
        *_work(),
        sa.Column("ended_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_erasure_site_id")),
    )
    op.create_index("ix_erasure_state_next_run_at", "erasure", ["state", "next_run_at"])
    op.create_table(
        "vault_erasure",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("erasure_id", sa.String(32), nullable=False),
        sa.Column("issuance_id", sa.String(32), nullable=False),
        sa.Column("issuer_id", sa.String(32), nullable=False),
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("remedy", sa.Text()),
        sa.Column("cause", sa.String(200)),
        sa.Column("failing_since", UtcDateTime()),
        *_work(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vault_erasure")),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasure.id"], name=op.f("fk_vault_erasure_erasure_id")
        ),
        sa.ForeignKeyConstraint(
            ["issuance_id"], ["issuance.id"], name=op.f("fk_vault_erasure_issuance_id")
        ),
        sa.ForeignKeyConstraint(
            ["issuer_id"], ["issuer.id"], name=op.f("fk_vault_erasure_issuer_id")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_vault_erasure_site_id")),
        sa.UniqueConstraint("issuance_id", name=op.f("uq_vault_erasure_issuance_id")),
    )
    op.create_index(
        "ix_vault_erasure_issuer_id_state_next_run_at",
        "vault_erasure",
        ["issuer_id", "state", "next_run_at"],
    )
    op.create_index("ix_vault_erasure_erasure_id", "vault_erasure", ["erasure_id"])
    in_trouble = sa.text("cause IS NOT NULL")
    op.create_index(
        "ix_vault_erasure_cause",
        "vault_erasure",
        ["cause", "site_id", "state", "failing_since"],
        sqlite_where=in_trouble,
        postgresql_where=in_trouble,
    )
