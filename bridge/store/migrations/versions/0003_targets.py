"""Where a certificate is told: in every course that shares it, no longer in the first alone."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_OF_ITS_OWN_COURSE = "SELECT id, course_id FROM issuance WHERE writes_back"
_OF_A_COURSE_THAT_SHARES_IT = (
    "SELECT issuance.id, completion.course_id FROM completion"
    " JOIN issuance ON issuance.id = completion.same_as WHERE issuance.writes_back"
)


def upgrade() -> None:
    """Move what the issuance said of itself into a table, and add the courses left out."""
    op.create_table(
        "target",
        sa.Column("issuance_id", sa.String(32), nullable=False),
        sa.Column("course_id", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("issuance_id", "course_id", name="pk_target"),
        sa.ForeignKeyConstraint(["issuance_id"], ["issuance.id"], name="fk_target_issuance_id"),
    )
    told = f"{_OF_ITS_OWN_COURSE} UNION {_OF_A_COURSE_THAT_SHARES_IT}"
    op.execute(f"INSERT INTO target (issuance_id, course_id) {told}")  # fixed text
    op.drop_column("issuance", "writes_back")
    op.drop_index("ix_issuance_site_id_course_id_learner_id", "issuance")
    op.create_index("ix_issuance_site_id_learner_id", "issuance", ["site_id", "learner_id"])
