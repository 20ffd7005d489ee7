"""The list: one page of an institution's certificates, newest first, narrowed as asked.

What only status and dates narrow is found by certificate's indexes. All else is found in the narrow
rows of the search, which hold what the filters compare: see `vault.store.search`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from vault.certificate import Status, fold_email
from vault.store import certificates, search
from vault.store.search import Ids
from vault.store.tables import batch, certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a list may be narrowed by; None does not narrow."""

    status: Status | None = None
    applicant_email: str | None = None
    search: str | None = None
    batch_id: str | None = None
    issue_date_from: date | None = None
    issue_date_to: date | None = None


def page(
    conn: sa.Connection, filters: Filters, *, institution_id: int, number: int, size: int
) -> tuple[Sequence[sa.Row[Any]], int]:
    """Return one page, newest first, and how many certificates there are on all pages."""
    found = _found(conn, filters, institution_id)
    total = conn.execute(sa.select(sa.func.count()).select_from(found.subquery())).scalar_one()
    ids = _slice(conn, found, total=total, begin=(number - 1) * size, size=size)
    rows = certificates.get_all(conn, ids)
    return sorted(rows, key=lambda row: row.id, reverse=True), total


def newest_id(conn: sa.Connection) -> int:
    """The internal id of the newest certificate of all; 0 if there is none."""
    return int(conn.scalar(sa.select(sa.func.max(certificate.c.id))) or 0)


def stretch(
    conn: sa.Connection,
    filters: Filters,
    *,
    institution_id: int | None,
    updated_since: datetime | None,
    after: int,
    until: int,
    size: int,
) -> tuple[Sequence[sa.Row[Any]], int] | None:
    """For whoever reads the whole list: those of its next certificates that meet the filters.

    Oldest first, of one institution or of all, with ids above ``after`` and up to ``until``. Also
    returns the id to go on after; None at the end. ``size`` certificates are looked at, however few
    of them meet the filters, so that no stretch takes long. `Filters.search` does not narrow it.
    """
    id_ = certificate.c.id
    mine = [] if institution_id is None else [certificate.c.institution_id == institution_id]
    within = sa.select(id_).where(*mine, id_ > after, id_ <= until)
    looked_at = conn.scalars(within.order_by(id_).limit(size)).all()
    if not looked_at:
        return None
    narrowed = [*_of_many(certificate, filters), *_of_few(certificate, filters)]
    if updated_since is not None:
        narrowed.append(certificate.c.updated_at >= updated_since)
    ids = conn.scalars(sa.select(id_).where(id_.in_(looked_at), *narrowed)).all()
    rows = sorted(certificates.get_all(conn, ids), key=lambda row: row.id)
    return rows, looked_at[-1]


def _slice(conn: sa.Connection, found: Ids, *, total: int, begin: int, size: int) -> Sequence[int]:
    """The ids of one page: what is skipped on the way to a late one is not put together."""
    size = max(0, min(size, total - begin))
    after = total - begin - size
    if not size:
        return []
    id_ = found.selected_columns.id
    from_the_nearer_end = (
        found.order_by(id_.desc()).offset(begin)
        if begin <= after
        else found.order_by(id_).offset(after)
    )
    return [row.id for row in conn.execute(from_the_nearer_end.limit(size))]


def _found(conn: sa.Connection, filters: Filters, institution_id: int) -> Ids:
    mine = certificate.c.institution_id == institution_id
    # Each alone: SQLite would choose an index by how many of the conditions it covers.
    by_index = [
        sa.select(certificate.c.id).where(mine, condition)
        for condition in _of_few(certificate, filters)
    ]
    if filters.search is None and not by_index:
        return sa.select(certificate.c.id).where(mine, *_of_many(certificate, filters))
    rows = search.search_text
    return search.found(
        conn,
        filters.search,
        institution_id=institution_id,
        narrowed=[*_of_many(rows, filters), *_of_few(rows, filters)],
        by_index=by_index,
    )


def _of_many(table: sa.Table, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """The conditions that a great part of the certificates may meet."""
    narrowed = []
    if filters.status is not None:
        narrowed.append(table.c.status == filters.status.value)
    if filters.issue_date_from is not None:
        narrowed.append(table.c.issue_date >= filters.issue_date_from)
    if filters.issue_date_to is not None:
        narrowed.append(table.c.issue_date <= filters.issue_date_to)
    return narrowed


def _of_few(table: sa.Table, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """The conditions that mostly few certificates meet."""
    narrowed = []
    if filters.applicant_email is not None:
        narrowed.append(table.c.email_key == fold_email(filters.applicant_email))
    if filters.batch_id is not None:
        ids = sa.select(batch.c.id).where(batch.c.uuid == filters.batch_id)
        narrowed.append(table.c.batch_id == ids.scalar_subquery())
    return narrowed
