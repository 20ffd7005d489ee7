"""The tables. Words as everywhere: issuer, site, delivery, completion, issuance, attempt."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from bridge.store.states import MappingState
from runtime import heartbeat
from runtime.database import UtcDateTime
from runtime.lease import lease_columns
from runtime.words import LONGEST_WORD

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

ID = sa.String(32)


def trouble_columns() -> tuple[sa.Column[Any], ...]:
    """What keeps a row from going on, in words and as a word; see bridge.store.troubles."""
    return (
        sa.Column("problem", sa.Text),
        sa.Column("remedy", sa.Text),
        sa.Column("cause", sa.String(200)),
        sa.Column("failing_since", UtcDateTime),
    )


def _only_if(condition: str) -> dict[str, Any]:
    """Of an index: the rows it has, on either database."""
    return {f"{dialect}_where": sa.text(condition) for dialect in ("sqlite", "postgresql")}


def cause_index(table: str, *columns: str) -> sa.Index:
    """The index from which failures are counted, grouped and listed: of rows in trouble alone."""
    return sa.Index(f"ix_{table}_cause", "cause", *columns, **_only_if("cause IS NOT NULL"))


issuer = sa.Table(
    "issuer",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("vault_url", sa.String(500), nullable=False),
    sa.Column("secrets", sa.Text, nullable=False),
    sa.Column("institution_name", sa.String(255), nullable=False),
    sa.Column("logo", sa.LargeBinary),
    sa.Column("signatory_name", sa.String(255)),
    sa.Column("signatory_role", sa.String(255)),
    # Who is told of it: mail and chat addresses, encrypted, as a chat's address is its key.
    sa.Column("owners", sa.Text),
    # Set while the vault refuses our token: nothing is sent for this issuer until it is mended.
    sa.Column("paused_at", UtcDateTime),
    # Set while the vault wants to be left alone, or does not answer; and how often in a row.
    sa.Column("shut_until", UtcDateTime),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    # Whether its vault can revoke; NULL: it was not asked yet.
    sa.Column("revokes", sa.Boolean),
    *trouble_columns(),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("removed_at", UtcDateTime),
)

site = sa.Table(
    "site",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("connector", sa.String(64), nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("secrets", sa.Text, nullable=False),
    # Who is told of it: mail and chat addresses, encrypted, as a chat's address is its key.
    sa.Column("owners", sa.Text),
    # Set while the LMS does not do what it is asked: until then nothing is asked of it.
    sa.Column("shut_until", UtcDateTime),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    *trouble_columns(),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("removed_at", UtcDateTime),
    # What was completed before is not issued by itself; NULL: since the site was added.
    sa.Column("issue_from", UtcDateTime),
    # Where its days are counted, if that is not as BRIDGE_TIMEZONE says.
    sa.Column("timezone", sa.String(64)),
    # Whether reconciliation by the clock also mends what it finds.
    sa.Column("auto_mend", sa.Boolean, nullable=False, server_default=sa.false()),
    # Set while a restored database may not know what was done for it; see pipeline.restored.
    sa.Column("unsure_since", UtcDateTime),
    sa.Column("restored_at", UtcDateTime),
    # When it is reconciled next, and by whom now.
    *lease_columns(),
)

#: The last time a person had a site's or an issuer's permissions tried, and what was found.
connection_check = sa.Table(
    "connection_check",
    metadata,
    # The site's or the issuer's.
    sa.Column("subject", ID, primary_key=True),
    sa.Column("begun_at", UtcDateTime, nullable=False),
    # NULL: it goes on, or was cut off.
    sa.Column("ended_at", UtcDateTime),
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("findings", sa.JSON, nullable=False),
)

mapping_version = sa.Table(
    "mapping_version",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("state", sa.String(16), nullable=False, server_default=MappingState.DRAFT),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("name", "version"),
    # One version of a name is in use.
    sa.Index(
        "uq_mapping_version_in_use",
        "name",
        unique=True,
        **_only_if("state IN ('rehearsal', 'published')"),
    ),
)

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("dedupe_key", sa.String(80), nullable=False),
    # The request exactly as it came, encrypted: some LMSs send their secret in the body.
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    *trouble_columns(),
    *lease_columns(),
    sa.UniqueConstraint("site_id", "dedupe_key"),
    sa.Index(None, "state", "next_run_at"),
    sa.Index(None, "site_id", "received_at"),
    cause_index("delivery", "site_id", "state", "failing_since"),
)

#: Deliveries turned away, counted only: nothing a stranger sent is kept.
refusal = sa.Table(
    "refusal",
    metadata,
    sa.Column("site_name", sa.String(64), primary_key=True),
    sa.Column("hour", UtcDateTime, primary_key=True),
    sa.Column("reason", sa.String(32), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)

#: Events that a site sends and nobody wants, counted by name.
unwanted_event = sa.Table(
    "unwanted_event",
    metadata,
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), primary_key=True),
    sa.Column("event_name", sa.String(200), primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
)

completion = sa.Table(
    "completion",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("course_id", sa.String(255), nullable=False),
    sa.Column("learner_id", sa.String(255), nullable=False),
    # The date at the LMS; "noticed …" until the LMS has told it.
    sa.Column("round", sa.String(64), nullable=False),
    sa.Column("delivery_id", ID, sa.ForeignKey("delivery.id")),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("same_as", ID),
    # When the LMS was last asked for what was missing.
    sa.Column("looked_at", UtcDateTime),
    # A person asked for it, whatever the site's issue_from says.
    sa.Column("asked", sa.Boolean, nullable=False, server_default=sa.false()),
    # What a person's replay maps it with, where that is not the active mappings: "original".
    sa.Column("map_with", sa.String(16)),
    *trouble_columns(),
    sa.Column("created_at", UtcDateTime, nullable=False),
    *lease_columns(),
    sa.UniqueConstraint("site_id", "course_id", "learner_id", "round"),
    sa.Index(None, "site_id", "next_run_at"),
    cause_index("completion", "site_id", "state", "failing_since"),
    sa.Index(None, "site_id", "round"),
    sa.Index(None, "site_id", "course_id", "round"),
    sa.Index("ix_completion_same_as", "same_as", **_only_if("same_as IS NOT NULL")),
)

#: Certificates that a person decides about together; those of one key share the one that is open.
hold = sa.Table(
    "hold",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    # Theirs, without the hold's own id, which each of them has behind it.
    sa.Column("cause", sa.String(100), nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("mapping_name", sa.String(64), nullable=False),
    # NULL where it is not about one version, one site or one course.
    sa.Column("mapping_version", sa.Integer),
    sa.Column("site_id", ID, sa.ForeignKey("site.id")),
    sa.Column("course_id", sa.String(255)),
    # Of a crowd: the day on which it completed the course.
    sa.Column("day", sa.String(64)),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    # Set once a person has decided; from then on nothing joins it.
    sa.Column("closed_at", UtcDateTime),
    sa.Column("closed_by", sa.String(128)),
    sa.Column("outcome", sa.String(16)),
    sa.Column("reason", sa.Text),
    sa.Column("released", sa.Integer, nullable=False, server_default="0"),
    sa.Column("discarded", sa.Integer, nullable=False, server_default="0"),
    sa.Index("uq_hold_open", "key", unique=True, **_only_if("closed_at IS NULL")),
)

#: That so many certificates of a mapping at once are meant.
announcement = sa.Table(
    "announcement",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("mapping_name", sa.String(64), nullable=False),
    # Of a course in one day.
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("until", UtcDateTime, nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index(None, "mapping_name", "until"),
)

issuance = sa.Table(
    "issuance",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("issuer_id", ID, sa.ForeignKey("issuer.id"), nullable=False),
    sa.Column("completion_id", ID, sa.ForeignKey("completion.id"), nullable=False),
    # The completion's, for whoever reads the log; NULL where the LMS was asked.
    sa.Column("delivery_id", ID),
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("course_id", sa.String(255), nullable=False),
    sa.Column("learner_id", sa.String(255), nullable=False),
    sa.Column("mapping_name", sa.String(64), nullable=False),
    sa.Column("mapping_version", sa.Integer, nullable=False),
    # How often it was corrected before; the certificate in whose place it comes, and what of its
    # entry a person gave by hand, which a mapping does not undo.
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    sa.Column("replaces", ID, sa.ForeignKey("issuance.id")),
    sa.Column("corrected", sa.JSON),
    # NULL while held for want of an entry, because another learner owns the key, or once the
    # certificate is revoked in favour of a newer one.
    sa.Column("natural_key", sa.String(64), unique=True),
    sa.Column("certificate_title", sa.String(255)),
    sa.Column("full_name", sa.String(255)),
    sa.Column("applicant_email", sa.String(255)),
    sa.Column("issue_date", sa.Date),
    # Why it is that day: the instant, the zone, and who said the zone.
    sa.Column("dated", sa.JSON),
    # The last day it is valid; NULL: for ever. What is printed says the same.
    sa.Column("expires_on", sa.Date),
    sa.Column("details", sa.Text),
    sa.Column("ref", sa.String(16), nullable=False),
    sa.Column("language", sa.String(35), nullable=False),
    # The language the learner reads, where the LMS told it; the certificate's may be another.
    sa.Column("learner_language", sa.String(35)),
    # How the file is made: template, paper, parameters; once it is, by what hashes (made_of).
    sa.Column("certificate", sa.JSON, nullable=False),
    sa.Column("file_sha256", sa.String(64), sa.ForeignKey("file.sha256")),
    sa.Column("state", sa.String(16), nullable=False),
    *trouble_columns(),
    # With which others a person decides about it, and since when it may go on.
    sa.Column("hold_id", ID),
    sa.Column("released_at", UtcDateTime),
    # The file uploaded ahead of a bulk entry: perishable, and of use once.
    sa.Column("vault_file_id", sa.String(64)),
    sa.Column("vault_file_at", UtcDateTime),
    # Of an entry that a bulk upload took in: by when it must be in the vault's list.
    sa.Column("batch_id", sa.String(64)),
    sa.Column("appear_by", UtcDateTime),
    sa.Column("vault_uuid", sa.String(64)),
    sa.Column("reference_id", sa.String(64)),
    sa.Column("vault_status", sa.String(64)),
    sa.Column("verification_url", sa.String(1000)),
    sa.Column("looks", sa.Integer, nullable=False, server_default="0"),
    sa.Column("vault_retries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("generated_at", UtcDateTime),
    *lease_columns(),
    sa.UniqueConstraint("completion_id", "mapping_name", "revision"),
    sa.Index(None, "issuer_id", "state", "next_run_at"),
    sa.Index(None, "issuer_id", "generated_at"),
    sa.Index(None, "expires_on"),
    cause_index("issuance", "site_id", "state", "failing_since"),
    sa.Index(None, "site_id", "learner_id"),
    sa.Index(None, "applicant_email"),
    sa.Index(None, "vault_uuid"),
    sa.Index(None, "reference_id"),
    sa.Index("ix_issuance_hold_id", "hold_id", "state", **_only_if("hold_id IS NOT NULL")),
    sa.Index(None, "replaces"),
    sa.Index(None, "mapping_name", "mapping_version"),
)

#: What the issuances of one course, by one issuer and mapping, have in common: lists are narrowed
#: by it, as there are few of them however many issuances there are. See bridge.store.listed.
lot = sa.Table(
    "lot",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("course_id", sa.String(255), nullable=False),
    sa.Column("issuer_id", ID, sa.ForeignKey("issuer.id"), nullable=False),
    sa.Column("mapping_name", sa.String(64), nullable=False),
    # The course's id, code and title, folded.
    sa.Column("text", sa.Text, nullable=False),
    sa.UniqueConstraint("site_id", "course_id", "issuer_id", "mapping_name"),
)

#: What an issuance is listed by, in one narrow row. A trigger copies its state here.
listed = sa.Table(
    "listed",
    metadata,
    sa.Column("id", ID, sa.ForeignKey("issuance.id"), primary_key=True),
    sa.Column("lot_id", sa.Integer, sa.ForeignKey("lot.id"), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    # Whose it is: name, e-mail address and id at the LMS, folded.
    sa.Column("text", sa.Text, nullable=False),
    sa.Index(None, "lot_id", "id"),
    sa.Index("ix_listed_lot_id_state", "lot_id", "state", "id"),
    sa.Index(None, "state", "id"),
    sqlite_with_rowid=False,
)

#: From each word of that text on. Sorted by code points, so that a beginning is a range.
listed_word = sa.Table(
    "listed_word",
    metadata,
    sa.Column(
        "word",
        sa.String(LONGEST_WORD).with_variant(
            postgresql.VARCHAR(LONGEST_WORD, collation="C"), "postgresql"
        ),
        primary_key=True,
    ),
    sa.Column("issuance_id", ID, sa.ForeignKey("issuance.id"), primary_key=True),
    sa.Column("lot_id", sa.Integer, primary_key=True),
    sqlite_with_rowid=False,
)

#: A person's correction of certificates that were issued: which, why, and how far it came.
correction = sa.Table(
    "correction",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    # One issuance and what of it is changed, or a mapping's version; see `pipeline.correcting`.
    sa.Column("what", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("approved_by", sa.String(128)),
    sa.Column("selected", sa.Integer, nullable=False),
    # How many are replaced, and how many stay as they are.
    sa.Column("replaced", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unchanged", sa.Integer, nullable=False, server_default="0"),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
)

#: A certificate that a newer one replaces, and whether its vault knows.
revocation = sa.Table(
    "revocation",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("issuance_id", ID, sa.ForeignKey("issuance.id"), nullable=False, unique=True),
    sa.Column("replaced_by", ID, sa.ForeignKey("issuance.id"), nullable=False),
    sa.Column("correction_id", ID, sa.ForeignKey("correction.id"), nullable=False),
    sa.Column("issuer_id", ID, sa.ForeignKey("issuer.id"), nullable=False),
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    *trouble_columns(),
    sa.Column("created_at", UtcDateTime, nullable=False),
    *lease_columns(),
    sa.Index(None, "issuer_id", "state", "next_run_at"),
    sa.Index(None, "replaced_by"),
    sa.Index(None, "correction_id"),
    cause_index("revocation", "site_id", "state", "failing_since"),
)

#: A learner's data that a person has erased: by whom, why, and what is still to be looked through.
erasure = sa.Table(
    "erasure",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    # One for the installation: what is left of a learner is hashed with it.
    sa.Column("salt", sa.String(64), nullable=False),
    # Whom raw deliveries are searched for, encrypted; NULL once they were.
    sa.Column("sealed", sa.Text),
    # The last delivery that was looked into.
    sa.Column("cursor", ID),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    *lease_columns(),
    sa.Index(None, "state", "next_run_at"),
)

#: A certificate whose vault is to erase its holder's data, too.
vault_erasure = sa.Table(
    "vault_erasure",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("erasure_id", ID, sa.ForeignKey("erasure.id"), nullable=False),
    sa.Column("issuance_id", ID, sa.ForeignKey("issuance.id"), nullable=False, unique=True),
    sa.Column("issuer_id", ID, sa.ForeignKey("issuer.id"), nullable=False),
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    *trouble_columns(),
    sa.Column("created_at", UtcDateTime, nullable=False),
    *lease_columns(),
    sa.Index(None, "issuer_id", "state", "next_run_at"),
    sa.Index(None, "erasure_id"),
    cause_index("vault_erasure", "site_id", "state", "failing_since"),
)

#: Where a certificate is told: the courses whose gradebooks list it. Two courses of one learner may
#: share a certificate; one whose mapping writes nothing back is told nowhere.
target = sa.Table(
    "target",
    metadata,
    sa.Column("issuance_id", ID, sa.ForeignKey("issuance.id"), primary_key=True),
    sa.Column("course_id", sa.String(255), primary_key=True),
)

#: One remote call: written down before it is sent. No outcome means nobody knows.
attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("issuance_id", ID, sa.ForeignKey("issuance.id"), nullable=False),
    sa.Column("operation", sa.String(16), nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("sent_at", UtcDateTime, nullable=False),
    sa.Column("deadline", UtcDateTime, nullable=False),
    # The key and the bytes it was made for: a fresh mapping is not judged by an old attempt.
    sa.Column("natural_key", sa.String(64), nullable=False),
    sa.Column("request_sha256", sa.String(64), nullable=False),
    sa.Column("outcome", sa.String(16)),
    sa.Column("status_code", sa.Integer),
    sa.Column("detail", sa.Text),
    sa.Column("answered_at", UtcDateTime),
    sa.Index(None, "issuance_id"),
)

file = sa.Table(
    "file",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

write_back = sa.Table(
    "write_back",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("course_id", sa.String(255), nullable=False),
    sa.Column("learner_id", sa.String(255), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    # What the last write meant, without its revision: nothing is written twice for nothing.
    sa.Column("digest", sa.String(64)),
    sa.Column("text", sa.Text),
    # The text of ours that was seen there last; another one may be on its way.
    sa.Column("shown", sa.Text),
    # How often it was written anew because it had vanished, since it last changed.
    sa.Column("repairs", sa.Integer, nullable=False, server_default="0"),
    sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
    *trouble_columns(),
    sa.Column("written_at", UtcDateTime),
    sa.Column("read_back_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    *lease_columns(),
    sa.UniqueConstraint("site_id", "course_id", "learner_id"),
    sa.Index(None, "site_id", "next_run_at"),
    sa.Index(None, "site_id", "written_at"),
    cause_index("write_back", "site_id", "state", "failing_since"),
)

#: One comparison of a site with everything that should follow from its completions.
reconcile_run = sa.Table(
    "reconcile_run",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("fix", sa.Boolean, nullable=False),
    # The causes it was asked to mend by name; NULL: those that are mended without being named.
    sa.Column("causes", sa.JSON),
    # What is compared next; NULL once it has ended.
    sa.Column("step", sa.String(64)),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    # How many were looked at, by what they are; what could not be compared, and why.
    sa.Column("looked_at", sa.JSON, nullable=False),
    sa.Column("notices", sa.JSON, nullable=False),
    # How many differences it saw, by cause.
    sa.Column("counts", sa.JSON),
    sa.Index(None, "site_id", "started_at"),
)

#: How far a site's runs have come in the list of an issuer's vault.
vault_walk = sa.Table(
    "vault_walk",
    metadata,
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), primary_key=True),
    sa.Column("issuer_id", ID, sa.ForeignKey("issuer.id"), primary_key=True),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    # What is read next, from which page; NULL once it has ended.
    sa.Column("leg", sa.String(16)),
    sa.Column("page", sa.Integer, nullable=False),
    # The issuances whose certificates were seen so far, a number each.
    sa.Column("found", sa.LargeBinary, nullable=False),
    # When the revoked ones were last read to their end.
    sa.Column("revoked_at", UtcDateTime),
)

#: One thing that is not as it should be, however often it is seen.
difference = sa.Table(
    "difference",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("site_id", ID, sa.ForeignKey("site.id"), nullable=False),
    sa.Column("cause", sa.String(32), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    # When the thing itself happened: a run looks no further back than its ``since``.
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("course_id", sa.String(255)),
    sa.Column("learner_id", sa.String(255)),
    # The row it concerns, or the certificate's id at the vault.
    sa.Column("subject", sa.String(64)),
    sa.Column("reference_id", sa.String(64)),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("remedy", sa.Text, nullable=False),
    # The command that mends it; NULL where nothing needs to be done.
    sa.Column("command", sa.Text),
    sa.Column("data", sa.JSON),
    sa.Column("first_run", ID, nullable=False),
    sa.Column("last_run", ID, nullable=False),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("last_seen_at", UtcDateTime, nullable=False),
    # When the LMS or the vault was last asked about this one by itself.
    sa.Column("asked_at", UtcDateTime),
    sa.Column("settled_at", UtcDateTime),
    sa.Column("settled_by", sa.String(128)),
    sa.Index(None, "site_id", "state", "cause"),
)

#: A person's replay: what was selected, by whom and why, and how far it has come.
replay = sa.Table(
    "replay",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("selection", sa.JSON, nullable=False),
    sa.Column("mapping", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("selected", sa.Integer, nullable=False),
    # How many were set going, and how many it changed nothing of.
    sa.Column("going", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unchanged", sa.Integer, nullable=False, server_default="0"),
    # The last id that was dealt with: an interrupted one goes on after it.
    sa.Column("cursor", sa.String(64)),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    # When a worker goes on with it, if whoever began it does not.
    *lease_columns(),
    sa.Index(None, "state", "next_run_at"),
)

#: A learner's address for one certificate; it never expires, and can be revoked.
link = sa.Table(
    "link",
    metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("issuance_id", ID, sa.ForeignKey("issuance.id"), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("revoked_at", UtcDateTime),
    sa.Index(None, "issuance_id"),
)

#: Mail to a learner, waiting or sent: new links for the certificates at one address, or the link of
#: the one that came in another's place.
mail = sa.Table(
    "mail",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("to_address", sa.String(255), nullable=False),
    sa.Column("language", sa.String(35), nullable=False),
    # The certificate it tells of, once; NULL: whatever there is for the address.
    sa.Column("issuance_id", ID),
    sa.Column("state", sa.String(16), nullable=False),
    *trouble_columns(),
    sa.Column("created_at", UtcDateTime, nullable=False),
    *lease_columns(),
    sa.Index(None, "issuance_id", unique=True),
    sa.Index(None, "state", "next_run_at"),
    cause_index("mail", "state", "failing_since"),
)

#: What owners were told of and that stands, by place and cause; see `bridge.pipeline.telling`.
told = sa.Table(
    "told",
    metadata,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("place", sa.String(64), primary_key=True),
    sa.Column("cause", sa.String(200), primary_key=True),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("told_at", UtcDateTime, nullable=False),
    # Since when it is no more; NULL while it stands.
    sa.Column("gone_since", UtcDateTime),
)

#: A message to an owner, waiting or sent.
notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", ID, primary_key=True),
    # Whose: "site moodle-main", "issuer main", "operator".
    sa.Column("audience", sa.String(80), nullable=False),
    # A chat's address is its key, so both kinds are encrypted.
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("said", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    *lease_columns(),
    sa.Index(None, "state", "next_run_at"),
)

#: How often something was asked for in a window; the key is a hash.
rate = sa.Table(
    "rate",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("window", UtcDateTime, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)

#: Who may use the console and the API. One who was removed stays, for the history.
person = sa.Table(
    "person",
    metadata,
    sa.Column("id", ID, primary_key=True),
    # As it was typed, and as it is compared.
    sa.Column("email", sa.String(254), nullable=False),
    sa.Column("email_key", sa.String(254), nullable=False),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    # To which issuers, sites and courses; NULL: to all of them. See bridge.people.roles.
    sa.Column("limits", sa.JSON),
    # Argon2id; NULL until it is chosen, and for whoever signs in by the institution.
    sa.Column("password", sa.String(255)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime),
    sa.Column("removed_at", UtcDateTime),
    # How they want to read; NULL: as their browser says.
    sa.Column("time_zone", sa.String(64)),
    sa.Column("language", sa.String(16)),
    sa.Index("uq_person_email_key", "email_key", unique=True, **_only_if("removed_at IS NULL")),
)

#: Browsers that somebody is signed in on; the id is the SHA-256 of what the browser keeps.
session = sa.Table(
    "session",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("person_id", ID, sa.ForeignKey("person.id"), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    # By what their owner knows them again: "Firefox, Linux", and a network of many people.
    sa.Column("browser", sa.String(64)),
    sa.Column("network", sa.String(64)),
    sa.Index(None, "person_id"),
)

#: Who signs in by the institution, by its own name for them: an address may become another's.
identity = sa.Table(
    "identity",
    metadata,
    sa.Column("issuer", sa.String(255), primary_key=True),
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("person_id", ID, sa.ForeignKey("person.id"), nullable=False, unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

#: Browsers that are away at the institution's sign-in, each of which comes back once; the id is the
#: SHA-256 of the state that goes with them.
sign_in_begun = sa.Table(
    "sign_in_begun",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("nonce", sa.String(64), nullable=False),
    sa.Column("verifier", sa.String(128), nullable=False),
    sa.Column("onward", sa.Text, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

#: Links by which somebody chooses a password, once; the id is the SHA-256 of what the link holds.
invitation = sa.Table(
    "invitation",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    # NULL: the first one, by which an installation without people gets its first admin.
    sa.Column("person_id", ID, sa.ForeignKey("person.id")),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Index(None, "person_id"),
)

#: Tokens by which programs use the API; the hash is the SHA-256 of what a program keeps.
api_token = sa.Table(
    "api_token",
    metadata,
    sa.Column("id", ID, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    # Whose it is: it may what they may, and stops with them. NULL: made on the machine, nobody's.
    sa.Column("person_id", ID, sa.ForeignKey("person.id")),
    sa.Column("made_by", sa.String(128), nullable=False),
    sa.Column("scope", sa.String(16), nullable=False),
    # To which issuers, sites and courses, beside the person's own limits; NULL: no others.
    sa.Column("limits", sa.JSON),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("last_used_at", UtcDateTime),
    sa.Column("revoked_at", UtcDateTime),
    sa.Index(None, "person_id"),
)

#: What the API was asked under an idempotency key, and what it answered; see bridge.api.once.
api_request = sa.Table(
    "api_request",
    metadata,
    sa.Column("token_id", ID, sa.ForeignKey("api_token.id"), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("request_sha256", sa.String(64), nullable=False),
    # Whose turn it is to answer, and until when nobody else begins.
    sa.Column("turn", ID, nullable=False),
    sa.Column("held_until", UtcDateTime, nullable=False),
    # NULL until it is answered. Encrypted: it may hold a secret that is shown once.
    sa.Column("status", sa.Integer),
    sa.Column("answer", sa.Text),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Index(None, "expires_at"),
)

#: What happened to a row, in order: the history that `vaultbridge show` tells. Of what people did
#: it is the audit log too.
event = sa.Table(
    "event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    # A row's id, or kind and name of what has none: "template classic".
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("what", sa.String(64), nullable=False),
    sa.Column("who", sa.String(128), nullable=False),
    sa.Column("detail", sa.Text),
    # What an act changed, secrets masked.
    sa.Column("before", sa.JSON(none_as_null=True)),
    sa.Column("after", sa.JSON(none_as_null=True)),
    # Of a person's act: to what kind of thing it was done; NULL: the pipeline did it, or it
    # followed from an act that is written down itself.
    sa.Column("act_on", sa.String(32)),
    sa.Index(None, "subject"),
    # Acts are few among millions of events: the audit log reads these alone.
    sa.Index("ix_event_act", "at", "id", **_only_if("act_on IS NOT NULL")),
    sa.Index("ix_event_act_who", "who", "at", "id", **_only_if("act_on IS NOT NULL")),
    sa.Index("ix_event_act_on", "act_on", "at", "id", **_only_if("act_on IS NOT NULL")),
)

#: The workers and clocks that work, or were killed; see `runtime.heartbeat`.
process = sa.Table("process", metadata, *heartbeat.columns())
