"""Customers, their addresses, matches and notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "vault_0004"
down_revision = "vault_0003"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and columns."""
    op.add_column(
        "institution",
        sa.Column("language", sa.String(8), nullable=False, server_default="en"),
    )
    _customers()
    _entrances()
    _notices()


def _customers() -> None:
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_customer"),
    )
    op.create_table(
        "customer_email",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("customer_id", sa.Integer, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_key", sa.Text, nullable=False),
        sa.Column("verified_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_customer_email"),
        sa.UniqueConstraint("email_key", name="uq_customer_email_email_key"),
        _to("customer_email", "customer_id", "customer"),
    )
    op.create_index("ix_customer_email_customer_id", "customer_email", ["customer_id"])
    op.create_table(
        "assignment",
        sa.Column("certificate_id", sa.Integer, nullable=False),
        sa.Column("customer_id", sa.Integer, nullable=False),
        sa.Column("assigned_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("certificate_id", name="pk_assignment"),
        _to("assignment", "certificate_id", "certificate"),
        _to("assignment", "customer_id", "customer"),
    )
    op.create_index("ix_assignment_customer_id", "assignment", ["customer_id"])
    # Certificates are claimed by address, whose ever institution's they are.
    op.create_index("ix_certificate_email_key", "certificate", ["email_key"])
    op.create_index("ix_certificate_uploaded", "certificate", ["uploaded_file_id"])
    op.create_index("ix_certificate_verified", "certificate", ["verified_file_id"])


def _entrances() -> None:
    op.create_table(
        "mailed_link",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("customer_id", sa.Integer),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_mailed_link"),
        _to("mailed_link", "customer_id", "customer"),
    )
    op.create_index("ix_mailed_link_customer_id", "mailed_link", ["customer_id"])
    op.create_table(
        "customer_session",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("customer_id", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_customer_session"),
        _to("customer_session", "customer_id", "customer"),
    )
    op.create_index("ix_customer_session_customer_id", "customer_session", ["customer_id"])
    op.create_table(
        "asked",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("span", MOMENT, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("key", "span", name="pk_asked"),
    )


def _notices() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("certificate_id", sa.Integer),
        sa.Column("link_id", sa.String(32)),
        sa.Column("to_address", sa.Text, nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("problem", sa.Text),
        sa.Column("sends", sa.Integer, nullable=False, server_default="1"),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("next_run_at", MOMENT),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", MOMENT),
        sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.UniqueConstraint("uuid", name="uq_notice_uuid"),
        sa.UniqueConstraint("certificate_id", "kind", name="uq_notice_certificate_id_kind"),
        _to("notice", "certificate_id", "certificate"),
        _to("notice", "link_id", "mailed_link"),
    )
    op.create_index("ix_notice_link_id", "notice", ["link_id"])
    op.create_index("ix_notice_due", "notice", ["next_run_at"])


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}")
