"""What lists and searches stand on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from vault.store.search import index

revision = "vault_0006"
down_revision = "vault_0005"

WORD = sa.String(32).with_variant(postgresql.VARCHAR(32, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of what is searched, and fill them."""
    for name, column in {
        "search_text": sa.Column("text", sa.Text, nullable=False),
        "search_word": sa.Column("word", WORD, nullable=False),
    }.items():
        key = ["institution_id", "certificate_id"]
        if name == "search_word":
            key.insert(1, "word")
        op.create_table(
            name,
            sa.Column("institution_id", sa.Integer, nullable=False),
            column,
            sa.Column("certificate_id", sa.Integer, nullable=False),
            sa.PrimaryKeyConstraint(*key, name=f"pk_{name}"),
            sa.ForeignKeyConstraint(
                ["institution_id"], ["institution.id"], name=f"fk_{name}_institution_id"
            ),
            sa.ForeignKeyConstraint(
                ["certificate_id"], ["certificate.id"], name=f"fk_{name}_certificate_id"
            ),
            sqlite_with_rowid=False,
        )
    _fill()
    op.drop_column("certificate", "search_text")
    mine, issued = "institution_id", "issue_date"
    op.create_index("ix_certificate_batch", "certificate", [mine, "batch_id", "id"])
    op.create_index("ix_certificate_issued", "certificate", [mine, issued, "id"])
    op.create_index("ix_certificate_status_issued", "certificate", [mine, "status", issued, "id"])


def _fill() -> None:
    conn = op.get_bind()
    fields = "full_name, applicant_email, certificate_title, reference_id"
    found = conn.execute(sa.text(f"SELECT institution_id, id, {fields} FROM certificate"))  # noqa: S608
    for institution_id, id_, *texts in found.all():
        index(conn, [(id_, texts)], institution_id=institution_id)
