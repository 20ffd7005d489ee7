"""Certificates are corrected: a newer one in an older one's place, which is revoked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Let a completion have a chain of certificates under a mapping; add what is known of it."""
    with op.batch_alter_table("issuance") as issuance:
        issuance.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
        issuance.add_column(sa.Column("replaces", sa.String(32)))
        issuance.add_column(sa.Column("corrected", sa.JSON()))
        issuance.create_foreign_key("fk_issuance_replaces", "issuance", ["replaces"], ["id"])
        issuance.drop_constraint("uq_issuance_completion_id_mapping_name", type_="unique")
        issuance.create_unique_constraint(
            "uq_issuance_completion_id_mapping_name_revision",
            ["completion_id", "mapping_name", "revision"],
        )
    op.create_index("ix_issuance_replaces", "issuance", ["replaces"])
    op.create_index(
        "ix_issuance_mapping_name_mapping_version", "issuance", ["mapping_name", "mapping_version"]
    )
    op.add_column("issuer", sa.Column("revokes", sa.Boolean()))
    op.add_column("mail", sa.Column("issuance_id", sa.String(32)))
    op.create_index("ix_mail_issuance_id", "mail", ["issuance_id"], unique=True)
    op.create_table(
        "correction",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("what", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("approved_by", sa.String(128)),
        sa.Column("selected", sa.Integer(), nullable=False),
        sa.Column("replaced", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("unchanged", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_correction"),
    )
    _revocation()


def _revocation() -> None:
    op.create_table(
        "revocation",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("issuance_id", sa.String(32), nullable=False),
        sa.Column("replaced_by", sa.String(32), nullable=False),
        sa.Column("correction_id", sa.String(32), nullable=False),
        sa.Column("issuer_id", sa.String(32), nullable=False),
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("remedy", sa.Text()),
        sa.Column("cause", sa.String(200)),
        sa.Column("failing_since", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_run_at", UtcDateTime()),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=f"fk_revocation_{name}")
            for name, table in {
                "issuance_id": "issuance",
                "replaced_by": "issuance",
                "correction_id": "correction",
                "issuer_id": "issuer",
                "site_id": "site",
            }.items()
        ),
        sa.PrimaryKeyConstraint("id", name="pk_revocation"),
        sa.UniqueConstraint("issuance_id", name="uq_revocation_issuance_id"),
    )
    op.create_index(
        "ix_revocation_issuer_id_state_next_run_at",
        "revocation",
        ["issuer_id", "state", "next_run_at"],
    )
    op.create_index("ix_revocation_replaced_by", "revocation", ["replaced_by"])
    op.create_index("ix_revocation_correction_id", "revocation", ["correction_id"])
    failing = sa.text("cause IS NOT NULL")
    op.create_index(
        "ix_revocation_cause",
        "revocation",
        ["cause", "site_id", "state", "failing_since"],
        sqlite_where=failing,
        postgresql_where=failing,
    )
