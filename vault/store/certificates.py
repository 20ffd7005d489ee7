"""Certificates as records: add one, find, retry. Every query names its institution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from runtime.inserting import Rows
from vault.certificate import Entry, Source, Status, fold_email, natural_key
from vault.store import endpoints, search, uploads
from vault.store.people import assignment
from vault.store.tables import batch, certificate, file, institution
from vault.store.uploads import StoredFile
from vault.store.webhook_deliveries import Events, announce
from vault.webhooks.events import Event, Trigger


class Duplicate(Exception):
    """A certificate with this e-mail, title and issue date is there already."""


class NotFailed(Exception):
    """Only a failed certificate can be retried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """A certificate to be added, whose file is noted already."""

    uuid: str
    reference_id: str
    entry: Entry
    file_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A certificate to be added, whose file is on disk."""

    institution_id: int
    uuid: str
    reference_id: str
    entry: Entry
    file: StoredFile

    @property
    def place(self) -> tuple[int, str]:
        """Whose it is, and what no other certificate has."""
        return self.institution_id, natural_key(self.institution_id, self.entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """Certificates that were added, by their internal ids."""

    ids: Sequence[int]
    told: int  #: deliveries of webhooks that tell of them


def add_each(
    conn: sa.Connection, uploaded: Sequence[Uploaded], *, now: datetime
) -> tuple[Mapping[str, sa.Row[Any]], int]:
    """Add those of these that are no duplicates, due for processing. Atomic by a unique key.

    Returns them as `get` does, by uuid, and how many webhooks are to tell of them.
    """
    rows: dict[str, sa.Row[Any]] = {}
    told = 0
    # In an order that all share: no two transactions with the same keys wait for each other.
    in_order = sorted(uploaded, key=lambda one: one.place)
    for institution_id, group in groupby(in_order, key=lambda one: one.institution_id):
        added, of_them = _add_files(conn, list(group), institution_id=institution_id, now=now)
        rows |= added
        told += of_them
    return rows, told


def _add_files(
    conn: sa.Connection, uploaded: Sequence[Uploaded], *, institution_id: int, now: datetime
) -> tuple[Mapping[str, sa.Row[Any]], int]:
    files = [one.file for one in uploaded]
    file_ids = uploads.add_files(conn, files, institution_id=institution_id, now=now)
    new = [
        New(uuid=one.uuid, reference_id=one.reference_id, entry=one.entry, file_id=file_id)
        for one, file_id in zip(uploaded, file_ids, strict=True)
    ]
    values = [_values(one, institution_id, None, now) for one in new]
    rows = {row.uuid: row for row in _new_whole.add(conn, values)}
    if refused := [one.file_id for one in new if one.uuid not in rows]:
        uploads.forget(conn, refused)
    if not rows:
        return rows, 0
    fresh = {rows[one.uuid].id: one for one in new if one.uuid in rows}
    _index(conn, fresh, institution_id=institution_id, batch_id=None)
    if not any(row.is_listened_to for row in rows.values()):
        return rows, 0
    return rows, _announce(conn, fresh, institution_id=institution_id, batch_id=None, now=now)


def add_many(
    conn: sa.Connection,
    new: Sequence[New],
    *,
    institution_id: int,
    batch_id: int | None,
    now: datetime,
) -> Added:
    """Add certificates that are due for processing; raises Duplicate if one of them is there."""
    values = [_values(one, institution_id, batch_id, now) for one in new]
    id_of = {row.uuid: row.id for row in _new.add(conn, values)}
    if len(id_of) != len(new):
        raise Duplicate
    fresh = {id_of[one.uuid]: one for one in new}
    _index(conn, fresh, institution_id=institution_id, batch_id=batch_id)
    told = _announce(conn, fresh, institution_id=institution_id, batch_id=batch_id, now=now)
    return Added(ids=list(fresh), told=told)


def _index(
    conn: sa.Connection, new: Mapping[int, New], *, institution_id: int, batch_id: int | None
) -> None:
    """Have them found; they are by their ids."""
    search.index(
        conn,
        [(id, _searched(one)) for id, one in new.items()],
        institution_id=institution_id,
        compared={id: _compared(one, batch_id) for id, one in new.items()},
    )


def _announce(
    conn: sa.Connection,
    new: Mapping[int, New],
    *,
    institution_id: int,
    batch_id: int | None,
    now: datetime,
) -> int:
    """Have them told of; return how many webhooks are to."""
    trigger = Trigger.SINGLE_UPLOAD if batch_id is None else Trigger.BULK_UPLOAD
    events: Events = {
        Event.CREATED: {"source": Source.VAULT.value, "trigger_context": trigger.value},
        Event.PROCESSING: {},
    }
    return announce(conn, events, institution_id=institution_id, certificate_ids=list(new), now=now)


def _searched(one: New) -> tuple[str, ...]:
    entry = one.entry
    return entry.full_name, entry.applicant_email, entry.certificate_title, one.reference_id


def _compared(one: New, batch_id: int | None) -> dict[str, Any]:
    """What a list's filters compare, which the search keeps a copy of."""
    return {
        "status": Status.PROCESSING.value,
        "issue_date": one.entry.issue_date,
        "email_key": fold_email(one.entry.applicant_email),
        "batch_id": batch_id,
    }


def _values(one: New, institution_id: int, batch_id: int | None, now: datetime) -> dict[str, Any]:
    entry = one.entry
    return {
        **_compared(one, batch_id),
        "uuid": one.uuid,
        "reference_id": one.reference_id,
        "institution_id": institution_id,
        "natural_key": natural_key(institution_id, entry),
        "certificate_title": entry.certificate_title,
        "full_name": entry.full_name,
        "applicant_email": entry.applicant_email,
        "details": entry.details,
        "source": Source.VAULT.value,
        "uploaded_file_id": one.file_id,
        "created_at": now,
        "updated_at": now,
        "next_run_at": now,
    }


def add_batch(
    conn: sa.Connection, uuid: str, *, institution_id: int, total: int, now: datetime
) -> int:
    """Add the record of a bulk upload; return its id.

    An institution's bulk uploads take turns from here on: two that bring the same entries in
    different orders would each wait for the other in PostgreSQL.
    """
    mine = sa.select(institution.c.id).where(institution.c.id == institution_id)
    conn.execute(mine.with_for_update(key_share=True))
    added = sa.insert(batch).values(
        uuid=uuid, institution_id=institution_id, total=total, created_at=now
    )
    return int(conn.execute(added.returning(batch.c.id)).scalar_one())


def taken(conn: sa.Connection, keys: Sequence[str]) -> set[str]:
    """Those of these natural keys that certificates have."""
    found = sa.select(certificate.c.natural_key).where(certificate.c.natural_key.in_(keys))
    return {str(key) for key in conn.execute(found).scalars()}


def count_by_status(conn: sa.Connection, *, institution_id: int) -> Mapping[str, int]:
    """How many certificates an institution has of each status that it has any of."""
    counted = (
        sa.select(certificate.c.status, sa.func.count().label("number"))
        .where(certificate.c.institution_id == institution_id)
        .group_by(certificate.c.status)
        .order_by(certificate.c.status)
    )
    return {row.status: row.number for row in conn.execute(counted)}


_verified = file.alias("verified")
_uploaded = file.alias("uploaded")
_replacement = certificate.alias("replacement")


def _whole_of(certificate: sa.FromClause) -> sa.Select[Any]:
    """Certificates with institution, batch's id, files' hashes and what replaced them."""
    return (
        sa.select(
            certificate,
            institution.c.name.label("institution_name"),
            institution.c.email.label("institution_email"),
            institution.c.phone_number.label("institution_phone_number"),
            institution.c.language.label("institution_language"),
            assignment.c.assigned_at,
            batch.c.uuid.label("batch_uuid"),
            _uploaded.c.sha256.label("uploaded_sha256"),
            _uploaded.c.mime_type.label("uploaded_mime_type"),
            _uploaded.c.name.label("uploaded_name"),
            _verified.c.sha256.label("verified_sha256"),
            _replacement.c.uuid.label("replaced_by_uuid"),
            _replacement.c.reference_id.label("replaced_by_reference_id"),
        )
        .select_from(certificate)
        .join(institution, institution.c.id == certificate.c.institution_id)
        .outerjoin(_uploaded, _uploaded.c.id == certificate.c.uploaded_file_id)
        .outerjoin(batch, batch.c.id == certificate.c.batch_id)
        .outerjoin(assignment, assignment.c.certificate_id == certificate.c.id)
        .outerjoin(_verified, _verified.c.id == certificate.c.verified_file_id)
        .outerjoin(_replacement, _replacement.c.id == certificate.c.replaced_by_id)
    )


def _whole_and_listened_to(added: sa.FromClause) -> sa.Select[Any]:
    """Also whether any endpoint may want to be told of them."""
    listens = endpoints.listening(added.c.institution_id).label("is_listened_to")
    return _whole_of(added).add_columns(listens)


_whole = _whole_of(certificate)

_COLUMNS = (
    *search.COMPARED,
    "uuid",
    "reference_id",
    "institution_id",
    "natural_key",
    "certificate_title",
    "full_name",
    "applicant_email",
    "details",
    "source",
    "uploaded_file_id",
    "created_at",
    "updated_at",
    "next_run_at",
)
_new = Rows(
    certificate,
    _COLUMNS,
    unless_taken=("natural_key",),
    returning=(certificate.c.uuid, certificate.c.id),
)
_new_whole = Rows(certificate, _COLUMNS, unless_taken=("natural_key",), then=_whole_and_listened_to)

# Asked for so often that to put them together each time would be felt.
_whole_by_id = _whole.where(certificate.c.id == sa.bindparam("id"))
_whole_by_ids = _whole.where(certificate.c.id.in_(sa.bindparam("ids", expanding=True)))
_whole_by_uuid = _whole.where(
    certificate.c.uuid == sa.bindparam("uuid"),
    certificate.c.institution_id == sa.bindparam("institution_id"),
)


def find(conn: sa.Connection, uuid: str, *, institution_id: int) -> sa.Row[Any] | None:
    """One certificate of an institution, or None."""
    asked = {"uuid": uuid, "institution_id": institution_id}
    return conn.execute(_whole_by_uuid, asked).first()


def find_public(conn: sa.Connection, reference_id: str) -> sa.Row[Any] | None:
    """The certificate with a reference id, whose ever it is: for the verification page alone."""
    return conn.execute(_whole.where(certificate.c.reference_id == reference_id)).first()


def get(conn: sa.Connection, id: int) -> sa.Row[Any]:
    """The certificate with an internal id, for processing."""
    return conn.execute(_whole_by_id, {"id": id}).one()


def get_all(conn: sa.Connection, ids: Sequence[int]) -> Sequence[sa.Row[Any]]:
    """The certificates with these internal ids, in any order."""
    return conn.execute(_whole_by_ids, {"ids": list(ids)}).all()


def is_there(conn: sa.Connection, id: int, *, uuid: str) -> bool:
    """Whether the certificate with an internal id has this uuid."""
    found = sa.select(certificate.c.id).where(certificate.c.id == id, certificate.c.uuid == uuid)
    return conn.execute(found).first() is not None


def retry(conn: sa.Connection, uuid: str, *, institution_id: int, now: datetime) -> int:
    """Make a failed certificate due again; raises NotFailed if it is anything else.

    Returns how many webhooks are to tell of it.
    """
    ids = conn.scalars(
        sa.update(certificate)
        .where(
            certificate.c.uuid == uuid,
            certificate.c.institution_id == institution_id,
            certificate.c.status == Status.FAILED.value,
        )
        .values(
            status=Status.PROCESSING.value,
            problem=None,
            updated_at=now,
            next_run_at=now,
            tries=0,
        )
        .returning(certificate.c.id)
    ).all()
    if not ids:
        raise NotFailed
    events: Events = {Event.RETRIED: {}, Event.PROCESSING: {}}
    return announce(conn, events, institution_id=institution_id, certificate_ids=ids, now=now)
