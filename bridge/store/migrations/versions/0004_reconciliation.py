"""Reconciliation: from when a site issues, its runs, and the differences they found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns and the tables; every site is reconciled soon."""
    _site()
    op.add_column(
        "completion", sa.Column("asked", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index(op.f("ix_completion_site_id_round"), "completion", ["site_id", "round"])
    _runs()
    _differences()


def _site() -> None:
    op.add_column("site", sa.Column("issue_from", UtcDateTime()))
    op.add_column(
        "site", sa.Column("auto_mend", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("site", sa.Column("next_run_at", UtcDateTime()))
    op.add_column("site", sa.Column("lease_owner", sa.String(64)))
    op.add_column("site", sa.Column("lease_until", UtcDateTime()))
    op.add_column("site", sa.Column("fence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("site", sa.Column("tries", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE site SET next_run_at = created_at")


def _runs() -> None:
    op.create_table(
        "reconcile_run",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("who", sa.String(128), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("fix", sa.Boolean(), nullable=False),
        sa.Column("causes", sa.JSON()),
        sa.Column("step", sa.String(64)),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("looked_at", sa.JSON(), nullable=False),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("counts", sa.JSON()),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_reconcile_run_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconcile_run")),
    )
    op.create_index(
        op.f("ix_reconcile_run_site_id_started_at"), "reconcile_run", ["site_id", "started_at"]
    )


def _differences() -> None:
    op.create_table(
        "difference",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("site_id", sa.String(32), nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("course_id", sa.String(255)),
        sa.Column("learner_id", sa.String(255)),
        sa.Column("subject", sa.String(64)),
        sa.Column("reference_id", sa.String(64)),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("command", sa.Text()),
        sa.Column("data", sa.JSON()),
        sa.Column("first_run", sa.String(32), nullable=False),
        sa.Column("last_run", sa.String(32), nullable=False),
        sa.Column("first_seen_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("asked_at", UtcDateTime()),
        sa.Column("settled_at", UtcDateTime()),
        sa.Column("settled_by", sa.String(128)),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_difference_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_difference")),
        sa.UniqueConstraint("key", name=op.f("uq_difference_key")),
    )
    op.create_index(
        op.f("ix_difference_site_id_state_cause"), "difference", ["site_id", "state", "cause"]
    )
