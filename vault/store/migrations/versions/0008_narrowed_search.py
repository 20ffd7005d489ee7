"""What a search reads of a certificate also holds what a list's filters compare."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "vault_0008"
down_revision = "vault_0007"

COLUMNS = (
    sa.Column("status", sa.String(16)),
    sa.Column("issue_date", sa.Date),
    sa.Column("email_key", sa.Text),
    sa.Column("batch_id", sa.Integer),
)

NAMES = [column.name for column in COLUMNS]


def _from(row: str) -> str:
    return ", ".join(f"{name} = {row}.{name}" for name in NAMES)


COPY = f"""
UPDATE search_text SET {_from("NEW")}
WHERE institution_id = NEW.institution_id AND certificate_id = NEW.id;
"""  # noqa: S608
WHEN = f"AFTER UPDATE OF {', '.join(NAMES)} ON certificate"


def upgrade() -> None:
    """Add the columns, fill them, and let the database copy what changes later."""
    for column in COLUMNS:
        op.add_column("search_text", column)
    op.execute(
        f"UPDATE search_text SET {_from('certificate')} FROM certificate "  # noqa: S608
        "WHERE certificate.id = search_text.certificate_id"
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION copy_to_search_text() RETURNS trigger LANGUAGE plpgsql "
            f"AS $$ BEGIN {COPY} RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER search_text_copy {WHEN} "
            "FOR EACH ROW EXECUTE FUNCTION copy_to_search_text()"
        )
    else:
        op.execute(f"CREATE TRIGGER search_text_copy {WHEN} BEGIN {COPY} END")
