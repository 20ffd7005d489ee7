"""Sign-in by the institution, where people are signed in, and how they want to read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from runtime.database import UtcDateTime

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the tables of the institution's sign-in, and what people choose for themselves."""
    op.create_table(
        "identity",
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("person_id", sa.String(32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identity")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_identity_person_id")),
        sa.UniqueConstraint("person_id", name=op.f("uq_identity_person_id")),
    )
    op.create_table(
        "sign_in_begun",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("verifier", sa.String(128), nullable=False),
        sa.Column("onward", sa.Text(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_begun")),
    )
    for name, length in (("time_zone", 64), ("language", 16)):
        op.add_column("person", sa.Column(name, sa.String(length)))
    for name, length in (("browser", 64), ("network", 64)):
        op.add_column("session", sa.Column(name, sa.String(length)))
