"""The tables of customers: their addresses, links, sessions, certificates, and the mails sent."""

from __future__ import annotations

import sqlalchemy as sa

from runtime.database import UtcDateTime
from runtime.lease import lease_columns
from vault.store.tables import metadata

#: ``email`` is where the account's mail goes; it is one of its verified addresses.
customer = sa.Table(
    "customer",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

#: Verified addresses alone: whoever merely claims one keeps nobody from it.
customer_email = sa.Table(
    "customer_email",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("customer_id", sa.ForeignKey("customer.id"), nullable=False, index=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_key", sa.Text, nullable=False, unique=True),
    sa.Column("verified_at", UtcDateTime, nullable=False),
)

#: Whose a certificate is. A row of its own, so that one certificate has one owner at most.
assignment = sa.Table(
    "assignment",
    metadata,
    sa.Column("certificate_id", sa.ForeignKey("certificate.id"), primary_key=True),
    sa.Column("customer_id", sa.ForeignKey("customer.id"), nullable=False, index=True),
    sa.Column("assigned_at", UtcDateTime, nullable=False),
)

#: A link that proves who reads an address's mail; ``customer_id`` of a purpose that has one.
mailed_link = sa.Table(
    "mailed_link",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("purpose", sa.String(16), nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("customer_id", sa.ForeignKey("customer.id"), index=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("used_at", UtcDateTime),
)

customer_session = sa.Table(
    "customer_session",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("customer_id", sa.ForeignKey("customer.id"), nullable=False, index=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("revoked_at", UtcDateTime),
)

#: A mail to send or sent. ``sends`` counts how often it was asked for, not how often it was tried.
notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("certificate_id", sa.ForeignKey("certificate.id")),
    sa.Column("link_id", sa.ForeignKey("mailed_link.id"), index=True),
    sa.Column("to_address", sa.Text, nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("problem", sa.Text),
    sa.Column("sends", sa.Integer, nullable=False, server_default="1"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    *lease_columns(),
    # One of a kind for each certificate; those of no certificate are not compared.
    sa.UniqueConstraint("certificate_id", "kind"),
    sa.Index("ix_notice_due", "next_run_at"),
)

#: How often something was asked for in a span of time.
asked = sa.Table(
    "asked",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("span", UtcDateTime, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)
