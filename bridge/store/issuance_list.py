"""Issuances as people look for them, a page at a time, newest first.

Pages go by the id of the last row seen (keyset): the hundredth costs what the first does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store.ids import before, kind_of
from bridge.store.tables import completion, issuance, issuer, link, site

#: What a limit or a filter by name speaks of.
ISSUER, SITE, COURSE = issuer.c.name, site.c.name, issuance.c.course_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is looked for; None and empty: anything."""

    q: str = (
        ""  #: an e-mail address, a reference id, an issuance's id, or a learner's id at the LMS
    )
    state: str | None = None
    issuer: str | None = None
    site: str | None = None
    course: str | None = None
    mapping: str | None = None
    since: datetime | None = None
    until: datetime | None = None  #: not included


_listed = (
    sa.select(
        issuance,
        site.c.name.label("site"),
        issuer.c.name.label("issuer"),
        completion.c.data.label("completion_data"),
    )
    .join(site, site.c.id == issuance.c.site_id)
    .join(issuer, issuer.c.id == issuance.c.issuer_id)
    .join(completion, completion.c.id == issuance.c.completion_id)
)


def page(
    conn: sa.Connection,
    filters: Filters,
    *,
    within: sa.ColumnElement[bool],
    after: str | None,
    limit: int,
) -> Sequence[sa.Row[Any]]:
    """Issuances ``within`` a person's limits; ``after`` is the last id of the page before."""
    query = _listed.where(within, *_conditions(filters))
    if after is not None:
        query = query.where(issuance.c.id < after)
    return conn.execute(query.order_by(issuance.c.id.desc()).limit(limit)).all()


def one(conn: sa.Connection, row_id: str, *, within: sa.ColumnElement[bool]) -> sa.Row[Any] | None:
    """One issuance, if it is within a person's limits, with ``link_id``, its live link's."""
    live = sa.and_(link.c.issuance_id == issuance.c.id, link.c.revoked_at.is_(None))
    query = _listed.add_columns(link.c.id.label("link_id")).outerjoin(link, live)
    return conn.execute(query.where(issuance.c.id == row_id, within)).first()


def numbers_by_mapping(
    conn: sa.Connection, *, within: sa.ColumnElement[bool] | None
) -> Mapping[str, int]:
    """How many certificates each mapping has made; ``within`` a person's limits, if there are any.

    Without, that is read off an index alone.
    """
    query = sa.select(issuance.c.mapping_name, sa.func.count()).group_by(issuance.c.mapping_name)
    if within is not None:
        query = (
            query.join(site, site.c.id == issuance.c.site_id)
            .join(issuer, issuer.c.id == issuance.c.issuer_id)
            .where(within)
        )
    return {row[0]: row[1] for row in conn.execute(query)}


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    same = {
        issuance.c.state: filters.state,
        issuer.c.name: filters.issuer,
        site.c.name: filters.site,
        issuance.c.course_id: filters.course,
        issuance.c.mapping_name: filters.mapping,
    }
    found = [column == value for column, value in same.items() if value]
    if filters.since is not None:
        found.append(issuance.c.id > before("is", filters.since))
    if filters.until is not None:
        found.append(issuance.c.id < before("is", filters.until))
    if filters.q:
        found.append(_asked(filters.q))
    return found


def _asked(q: str) -> sa.ColumnElement[bool]:
    if kind_of(q) == "issuance":
        return issuance.c.id == q
    if "@" in q:
        return sa.func.lower(issuance.c.applicant_email) == q.lower()
    return sa.or_(issuance.c.reference_id == q.upper(), issuance.c.learner_id == q)
