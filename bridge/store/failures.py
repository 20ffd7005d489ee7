"""Failures as groups: every row in trouble, counted by cause and site; from indexes alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from bridge.store.reach import EVERYWHERE, Packed, within
from bridge.store.states import IssuanceState
from bridge.store.tables import (
    completion,
    delivery,
    issuance,
    issuer,
    mail,
    revocation,
    site,
    vault_erasure,
    write_back,
)

#: What a person can replay, by the word people use.
REPLAYABLE: Mapping[str, sa.Table] = MappingProxyType(
    {
        "delivery": delivery,
        "completion": completion,
        "issuance": issuance,
        "revocation": revocation,
        "write-back": write_back,
    }
)
#: Tables of many rows, counted by their index, and of few, read whole.
_MANY: Mapping[str, sa.Table] = MappingProxyType(
    {**REPLAYABLE, "vault erasure": vault_erasure, "mail": mail}
)
_FEW: Mapping[str, sa.Table] = MappingProxyType({"site": site, "issuer": issuer})


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The newest member of a group."""

    id: str
    problem: str
    remedy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The rows that fail for one cause at sites of one connector."""

    cause: str
    connector: str | None  #: None for what belongs to no site
    places: tuple[str, ...]  #: names of sites, or of issuers
    states: Mapping[str, int]  #: how many are in which state
    first_seen: datetime  #: since when the oldest fails
    last_seen: datetime  #: since when the newest fails
    example: Example

    @property
    def size(self) -> int:
        """How many rows they are."""
        return sum(self.states.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Rows of one table, cause, place and state."""

    cause: str
    connector: str | None
    place: str | None
    state: str
    size: int
    first: datetime
    last: datetime
    example: Example


def failing(table: sa.Table) -> sa.ColumnElement[bool]:
    """Rows of a table that something keeps from going on; what is cancelled is at its end."""
    cause: sa.ColumnElement[bool] = table.c.cause.is_not(None)
    if table is issuance:
        return sa.and_(cause, table.c.state != IssuanceState.CANCELLED)
    if table in (issuer, site):
        return sa.and_(cause, table.c.removed_at.is_(None))
    return cause


def of_cause(table: sa.Table, cause: str) -> sa.ColumnElement[bool]:
    """Rows that fail for a cause, or for any that begins with it: ``complete.missing``."""
    longer = table.c.cause.startswith(f"{cause}.", autoescape=True)
    return sa.or_(table.c.cause == cause, longer)


def groups(
    conn: sa.Connection,
    *,
    site_name: str | None = None,
    cause: str | None = None,
    apart: bool = False,
    limits: Packed = EVERYWHERE,
) -> Sequence[Failures]:
    """Every group of failures, largest first; of one site or cause, if it is named.

    ``apart``: each site's and each issuer's by itself. ``limits``: of what is within them.
    """
    together: defaultdict[tuple[str | None, ...], list[_Part]] = defaultdict(list)
    for part in [*_counted(conn, cause, limits), *_read(conn, cause, limits)]:
        of_site = part.connector is not None and part.place == site_name
        if site_name is None or of_site:
            own = (part.place,) if apart else ()
            together[part.cause, part.connector, *own].append(part)
    found = [_group(parts) for parts in together.values()]
    return sorted(found, key=lambda group: (-group.size, group.cause, group.connector or ""))


def _group(parts: Sequence[_Part]) -> Failures:
    newest = max(parts, key=lambda part: part.last)
    states: Counter[str] = Counter()
    for part in parts:
        states[part.state] += part.size
    return Failures(
        cause=newest.cause,
        connector=newest.connector,
        places=tuple(sorted({part.place for part in parts if part.place is not None})),
        states=states,
        first_seen=min(part.first for part in parts),
        last_seen=newest.last,
        example=newest.example,
    )


def _counted(conn: sa.Connection, cause: str | None, limits: Packed) -> Iterator[_Part]:
    sites = {row.id: row for row in conn.execute(sa.select(site))}
    for table in _MANY.values():
        where = sa.column("site_id") if "site_id" in table.c else sa.null()
        keys = (table.c.cause, where.label("site_id"), table.c.state)
        for row in conn.execute(_count(table, keys, cause, limits)):
            home = sites.get(row.site_id)
            yield _Part(
                cause=row.cause,
                connector=home.connector if home else None,
                place=home.name if home else None,
                state=row.state,
                size=row.size,
                first=row.first,
                last=row.last,
                example=_newest(conn, table, row, limits),
            )


def _count(
    table: sa.Table, keys: Sequence[Any], cause: str | None, limits: Packed
) -> sa.Select[Any]:
    query = sa.select(
        *keys,
        sa.func.count().label("size"),
        sa.func.min(table.c.failing_since).label("first"),
        sa.func.max(table.c.failing_since).label("last"),
    ).where(failing(table), within(table, limits))
    if cause is not None:
        query = query.where(of_cause(table, cause))
    grouped = [table.c[name] for name in ("cause", "site_id", "state") if name in table.c]
    return query.group_by(*grouped)


def _newest(conn: sa.Connection, table: sa.Table, part: sa.Row[Any], limits: Packed) -> Example:
    query = sa.select(table.c.id, table.c.problem, table.c.remedy).where(
        table.c.cause == part.cause, table.c.state == part.state, within(table, limits)
    )
    if "site_id" in table.c:
        query = query.where(table.c.site_id == part.site_id)
    row = conn.execute(query.order_by(table.c.failing_since.desc()).limit(1)).one()
    return Example(id=row.id, problem=row.problem, remedy=row.remedy)


def _read(conn: sa.Connection, cause: str | None, limits: Packed) -> Iterator[_Part]:
    for kind, table in _FEW.items():
        query = sa.select(table).where(failing(table), within(table, limits))
        if cause is not None:
            query = query.where(of_cause(table, cause))
        for row in conn.execute(query):
            yield _Part(
                cause=row.cause,
                connector=row.connector if table is site else None,
                place=row.name,
                state=kind,
                size=1,
                first=row.failing_since,
                last=row.failing_since,
                example=Example(id=row.id, problem=row.problem, remedy=row.remedy),
            )


def members(
    conn: sa.Connection,
    cause: str,
    *,
    site_name: str | None = None,
    limits: Packed = EVERYWHERE,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> Sequence[Mapping[str, Any]]:
    """The rows that fail for a cause, or for any that begins with it, newest trouble first.

    ``after``: since when the last row of the page before fails, and its id.
    """
    rows = [
        _member(kind, row)
        for kind, table in {**_MANY, **_FEW}.items()
        for row in conn.execute(
            _listed(table, cause, site_name)
            .where(within(table, limits), _older(table, after))
            .limit(limit)
        ).mappings()
    ]
    return sorted(rows, key=lambda row: (row["failing_since"], row["id"]), reverse=True)[:limit]


def _older(table: sa.Table, after: tuple[datetime, str] | None) -> sa.ColumnElement[bool]:
    if after is None:
        return sa.true()
    since, row_id = after
    same = sa.and_(table.c.failing_since == since, table.c.id < row_id)
    return sa.or_(table.c.failing_since < since, same)


def _listed(table: sa.Table, cause: str, site_name: str | None) -> sa.Select[Any]:
    named = sa.select(table)
    if "site_id" in table.c:
        named = sa.select(table, site.c.name.label("site")).join(site)
    elif table is site:
        named = sa.select(table, site.c.name.label("site"))
    if site_name is not None:
        ours = table is site or "site_id" in table.c
        named = named.where(site.c.name == site_name if ours else sa.false())
    return named.where(failing(table), of_cause(table, cause)).order_by(
        table.c.failing_since.desc(), table.c.id.desc()
    )


def _member(kind: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    names = ("site", "course_id", "learner_id", "state", "cause", "failing_since")
    said = {name: row[name] for name in ("problem", "remedy")}
    return {"id": row["id"], "kind": kind, **{name: row.get(name) for name in names}, **said}
