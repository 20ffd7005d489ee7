"""The first schema: institutions, tokens, files, batches, certificates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "vault_0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make every table."""
    _institutions()
    _files()
    _certificates()


def _institutions() -> None:
    op.create_table(
        "institution",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("phone_number", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_institution"),
        sa.UniqueConstraint("name", name="uq_institution_name"),
    )
    op.create_table(
        "token",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("institution_id", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("permissions", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.UniqueConstraint("sha256", name="uq_token_sha256"),
        _to("token", "institution_id", "institution"),
    )
    op.create_index("ix_token_institution_id", "token", ["institution_id"])
    op.create_index("ix_token_prefix", "token", ["prefix"])


def _files() -> None:
    op.create_table(
        "file",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("institution_id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.String(36)),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("mime_type", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_file"),
        sa.UniqueConstraint("uuid", name="uq_file_uuid"),
        _to("file", "institution_id", "institution"),
    )
    op.create_index("ix_file_institution_id", "file", ["institution_id"])
    op.create_index("ix_file_sha256", "file", ["sha256"])


def _certificates() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("institution_id", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_batch"),
        sa.UniqueConstraint("uuid", name="uq_batch_uuid"),
        _to("batch", "institution_id", "institution"),
    )
    op.create_index("ix_batch_institution_id", "batch", ["institution_id"])
    op.create_table(
        "certificate",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("reference_id", sa.String(32), nullable=False),
        sa.Column("institution_id", sa.Integer, nullable=False),
        sa.Column("batch_id", sa.Integer),
        sa.Column("natural_key", sa.String(64)),
        sa.Column("certificate_title", sa.Text, nullable=False),
        sa.Column("full_name", sa.Text, nullable=False),
        sa.Column("applicant_email", sa.Text, nullable=False),
        sa.Column("email_key", sa.Text, nullable=False),
        sa.Column("issue_date", sa.Date),
        sa.Column("details", sa.Text),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("uploaded_file_id", sa.Integer, nullable=False),
        sa.Column("verified_file_id", sa.Integer),
        sa.Column("verified_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.Column("revocation_reason", sa.Text),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("next_run_at", MOMENT),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", MOMENT),
        sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_certificate"),
        sa.UniqueConstraint("uuid", name="uq_certificate_uuid"),
        sa.UniqueConstraint("reference_id", name="uq_certificate_reference_id"),
        sa.UniqueConstraint("natural_key", name="uq_certificate_natural_key"),
        _to("certificate", "institution_id", "institution"),
        _to("certificate", "batch_id", "batch"),
        _to("certificate", "uploaded_file_id", "file"),
        _to("certificate", "verified_file_id", "file"),
    )
    mine = "institution_id"
    op.create_index("ix_certificate_batch_id", "certificate", ["batch_id"])
    op.create_index("ix_certificate_newest", "certificate", [mine, "id"])
    op.create_index("ix_certificate_status", "certificate", [mine, "status", "id"])
    op.create_index("ix_certificate_email", "certificate", [mine, "email_key", "id"])
    op.create_index("ix_certificate_due", "certificate", ["next_run_at"])


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}")
