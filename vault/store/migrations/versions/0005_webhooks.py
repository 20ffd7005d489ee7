"""Webhook endpoints and their deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "vault_0005"
down_revision = "vault_0004"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and columns."""
    _endpoints()
    _deliveries()
    _attempts()


def _endpoints() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("institution_id", sa.Integer, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("secrets", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("failing_since", MOMENT),
        sa.Column("given_up", sa.Integer, nullable=False, server_default="0"),
        sa.Column("disabled_at", MOMENT),
        sa.Column("disabled_reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_endpoint"),
        _to("webhook_endpoint", "institution_id", "institution"),
    )
    op.create_index("ix_webhook_endpoint_institution_id", "webhook_endpoint", ["institution_id"])


def _deliveries() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("endpoint_id", sa.Integer, nullable=False),
        sa.Column("certificate_id", sa.Integer, nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("next_run_at", MOMENT),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", MOMENT),
        sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_delivery"),
        sa.UniqueConstraint("uuid", name="uq_webhook_delivery_uuid"),
        _to("webhook_delivery", "endpoint_id", "webhook_endpoint"),
        _to("webhook_delivery", "certificate_id", "certificate"),
    )
    table = "webhook_delivery"
    op.create_index("ix_webhook_delivery_certificate_id", table, ["certificate_id"])
    op.create_index("ix_webhook_delivery_due", table, ["next_run_at"])
    op.create_index("ix_webhook_delivery_queue", table, ["endpoint_id", "next_run_at"])
    op.create_index("ix_webhook_delivery_log", table, ["endpoint_id", "id"])


def _attempts() -> None:
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("delivery_id", sa.Integer, nullable=False),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("status", sa.Integer),
        sa.Column("ms", sa.Integer),
        sa.Column("problem", sa.Text),
        sa.Column("excerpt", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_attempt"),
        _to("webhook_attempt", "delivery_id", "webhook_delivery"),
    )
    op.create_index("ix_webhook_attempt_delivery_id", "webhook_attempt", ["delivery_id"])


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=f"fk_{table}_{column}")
