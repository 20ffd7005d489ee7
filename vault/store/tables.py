"""The vault's tables, as the newest migration leaves them."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from runtime import heartbeat
from runtime.database import UtcDateTime
from runtime.lease import lease_columns

#: The folder of Alembic's env.py and versions.
MIGRATIONS = Path(__file__).parent / "migrations"

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

institution = sa.Table(
    "institution",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("email", sa.Text),
    sa.Column("phone_number", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # Of the mails to people without an account.
    sa.Column("language", sa.String(8), nullable=False, server_default="en"),
)

token = sa.Table(
    "token",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("institution_id", sa.ForeignKey("institution.id"), nullable=False, index=True),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("prefix", sa.String(16), nullable=False, index=True),
    sa.Column("permissions", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
    sa.Column("last_used_at", UtcDateTime),
)

#: Content that lies in the folder of files. A row with a ``uuid`` was uploaded ahead of its entry;
#: ``unused_until`` is NULL once an entry has taken it; until then it says when to sweep it away.
file = sa.Table(
    "file",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("institution_id", sa.ForeignKey("institution.id"), nullable=False, index=True),
    sa.Column("uuid", sa.String(36), unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("name", sa.Text),
    sa.Column("mime_type", sa.String(64), nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("unused_until", UtcDateTime, index=True),
)

#: What comes round by the clock and belongs to no certificate. The migrations put its rows in.
chore = sa.Table(
    "chore",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(32), nullable=False, unique=True),
    *lease_columns(),
    sa.Index("ix_chore_due", "next_run_at"),
)

#: The workers and clocks that work, or were killed; see `runtime.heartbeat`.
process = sa.Table("process", metadata, *heartbeat.columns())

batch = sa.Table(
    "batch",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("institution_id", sa.ForeignKey("institution.id"), nullable=False, index=True),
    sa.Column("total", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

certificate = sa.Table(
    "certificate",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("reference_id", sa.String(32), nullable=False, unique=True),
    sa.Column("institution_id", sa.ForeignKey("institution.id"), nullable=False),
    sa.Column("batch_id", sa.ForeignKey("batch.id"), index=True),
    # NULL once revoked, which frees the key: a unique column takes any number of NULLs.
    sa.Column("natural_key", sa.String(64), unique=True),
    sa.Column("certificate_title", sa.Text, nullable=False),
    sa.Column("full_name", sa.Text, nullable=False),
    sa.Column("applicant_email", sa.Text, nullable=False),
    sa.Column("email_key", sa.Text, nullable=False),
    sa.Column("issue_date", sa.Date),
    sa.Column("details", sa.Text),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("problem", sa.Text),
    sa.Column("uploaded_file_id", sa.ForeignKey("file.id")),  # NULL once erased
    sa.Column("verified_file_id", sa.ForeignKey("file.id")),
    sa.Column("verified_at", UtcDateTime),
    # What whoever reads the verified PDF should know; NULL where there is nothing to say.
    sa.Column("verification_notes", sa.Text),
    sa.Column("revoked_at", UtcDateTime),
    sa.Column("revocation_reason", sa.Text),
    sa.Column("replaced_by_id", sa.ForeignKey("certificate.id")),
    sa.Column("erased_at", UtcDateTime),
    # What is left of holder and file, by which either can be known again: see vault.erasure.
    sa.Column("erased_salt", sa.String(32)),
    sa.Column("erased_holder", sa.String(64)),
    sa.Column("erased_file", sa.String(64)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    *lease_columns(),
    sa.Index("ix_certificate_newest", "institution_id", "id"),
    sa.Index("ix_certificate_status", "institution_id", "status", "id"),
    sa.Index("ix_certificate_email", "institution_id", "email_key", "id"),
    sa.Index("ix_certificate_email_key", "email_key"),
    # A file dropped on the verification page is looked up by these.
    sa.Index("ix_certificate_uploaded", "uploaded_file_id"),
    sa.Index("ix_certificate_verified", "verified_file_id"),
    sa.Index("ix_certificate_due", "next_run_at"),
    sa.Index("ix_certificate_batch", "institution_id", "batch_id", "id"),
    sa.Index("ix_certificate_issued", "institution_id", "issue_date", "id"),
    sa.Index("ix_certificate_status_issued", "institution_id", "status", "issue_date", "id"),
)
