"""Uploads, batches, revocation, erasure."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "vault_0002"
down_revision = "vault_0001"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and columns."""
    op.add_column("file", sa.Column("unused_until", MOMENT))
    op.create_index("ix_file_unused_until", "file", ["unused_until"])
    with op.batch_alter_table("certificate") as certificate:
        certificate.alter_column("uploaded_file_id", existing_type=sa.Integer, nullable=True)
        certificate.add_column(sa.Column("replaced_by_id", sa.Integer))
        certificate.add_column(sa.Column("erased_at", MOMENT))
        certificate.add_column(sa.Column("erased_salt", sa.String(32)))
        certificate.add_column(sa.Column("erased_holder", sa.String(64)))
        certificate.add_column(sa.Column("erased_file", sa.String(64)))
        certificate.create_foreign_key(
            "fk_certificate_replaced_by_id", "certificate", ["replaced_by_id"], ["id"]
        )
    _chores()


def _chores() -> None:
    chore = op.create_table(
        "chore",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("next_run_at", MOMENT),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", MOMENT),
        sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_chore"),
        sa.UniqueConstraint("name", name="uq_chore_name"),
    )
    op.create_index("ix_chore_due", "chore", ["next_run_at"])
    op.bulk_insert(chore, [{"name": "sweep", "next_run_at": datetime(2000, 1, 1, tzinfo=UTC)}])
