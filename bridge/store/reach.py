"""Which rows are within limits to issuers, sites and courses: one condition for every table.

Limits are kinds with names, as a person's row keeps them: ``issuers`` and ``sites`` by name,
``courses`` as ``SITE/COURSE``. A kind that names nothing is not limited.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

import sqlalchemy as sa

from bridge.store.tables import issuer, site

Packed = Mapping[str, Collection[str]]
EVERYWHERE: Packed = MappingProxyType({})


def condition(
    limits: Packed,
    *,
    issuer: sa.ColumnElement[str] | None = None,
    site: sa.ColumnElement[str] | None = None,
    course: sa.ColumnElement[str] | None = None,
) -> sa.ColumnElement[bool]:
    """The rows within limits, by the columns of issuer's name, site's name and course.

    A kind that is limited and has no column lets nothing through: what cannot be told apart is
    not shown.
    """
    named = None if site is None or course is None else site + "/" + course
    return sa.and_(
        _among(limits.get("issuers", ()), issuer),
        _among(limits.get("sites", ()), site),
        _among(limits.get("courses", ()), named),
    )


def within(table: sa.Table, limits: Packed) -> sa.ColumnElement[bool]:
    """The rows of a table within limits, by the columns that it has."""
    if not any(limits.values()):
        return sa.true()
    return condition(
        limits,
        issuer=_name(issuer, table),
        site=_name(site, table),
        course=table.c.get("course_id"),
    )


def _name(of: sa.Table, table: sa.Table) -> sa.ColumnElement[str] | None:
    """The name of a row's issuer or site."""
    if table is of:
        return of.c.name
    reference = table.c.get(f"{of.name}_id")
    if reference is None:
        return None
    theirs = of.alias()  # the statement may join the table itself
    return sa.select(theirs.c.name).where(theirs.c.id == reference).scalar_subquery()


def _among(names: Collection[str], column: sa.ColumnElement[str] | None) -> sa.ColumnElement[bool]:
    if not names:
        return sa.true()
    return sa.false() if column is None else column.in_(sorted(names))
