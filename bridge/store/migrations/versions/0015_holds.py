"""Versions of mappings have states; certificates wait together for a person's decision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Active versions are published ones, the others were superseded; nothing is held yet."""
    _give_versions_states()
    _add_holds()
    op.add_column("issuance", sa.Column("hold_id", sa.String(32)))
    op.add_column("issuance", sa.Column("released_at", UtcDateTime()))
    _index("ix_issuance_hold_id", "issuance", ["hold_id", "state"], "hold_id IS NOT NULL")
    _index("ix_completion_same_as", "completion", ["same_as"], "same_as IS NOT NULL")


def _give_versions_states() -> None:
    state = sa.Column("state", sa.String(16), nullable=False, server_default="draft")
    op.add_column("mapping_version", state)
    version = sa.table("mapping_version", sa.column("state"), sa.column("active", sa.Boolean()))
    became = sa.case((version.c.active, "published"), else_="superseded")
    op.execute(sa.update(version).values(state=became))
    op.drop_column("mapping_version", "active")
    in_use = "state IN ('rehearsal', 'published')"
    _index("uq_mapping_version_in_use", "mapping_version", ["name"], in_use, unique=True)


def _add_holds() -> None:
    op.create_table(
        "hold",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(100), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("mapping_name", sa.String(64), nullable=False),
        sa.Column("mapping_version", sa.Integer()),
        sa.Column("site_id", sa.String(32)),
        sa.Column("course_id", sa.String(255)),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime()),
        sa.Column("closed_by", sa.String(128)),
        sa.Column("outcome", sa.String(16)),
        sa.Column("reason", sa.Text()),
        sa.Column("released", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("discarded", sa.Integer(), nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_hold_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    _index("uq_hold_open", "hold", ["key"], "closed_at IS NULL", unique=True)


def _index(name: str, table: str, columns: list[str], rows: str, *, unique: bool = False) -> None:
    only = sa.text(rows)
    op.create_index(name, table, columns, unique=unique, sqlite_where=only, postgresql_where=only)
