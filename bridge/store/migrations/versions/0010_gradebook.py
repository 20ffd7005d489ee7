"""What stands in a gradebook is looked at again: what was seen there, and how often it vanished."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns; what was read back stood there as it was written, and is looked at now."""
    op.add_column("write_back", sa.Column("shown", sa.Text()))
    op.add_column(
        "write_back", sa.Column("repairs", sa.Integer(), nullable=False, server_default="0")
    )
    op.execute("UPDATE write_back SET shown = text WHERE state = 'read_back'")
    op.execute(
        "UPDATE write_back SET next_run_at = read_back_at"
        " WHERE state = 'read_back' AND next_run_at IS NULL"
    )
    op.execute("UPDATE difference SET cause = 'gradebook_differs' WHERE cause = 'gradebook_empty'")
