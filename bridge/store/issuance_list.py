"""Issuances as people look for them, a page at a time, newest first.

Pages go by the id of the last row seen (keyset): the hundredth costs what the first does. None
reads all issuances, however many there are and however few of them are looked for:

- What the filters leave mostly stands among the newest: so many are looked through first.
- Issuer, site, course, mapping and a person's limits choose lots, of which there are few; of each
  the newest are next to each other in an index.
- The parts of a name are found in an index of words, the rarest first.

Conditions are asked by subqueries that give one value, which no planner turns into a join.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from bridge.store.ids import before, kind_of
from bridge.store.listed import sought
from bridge.store.tables import (
    completion,
    issuance,
    issuer,
    link,
    listed,
    listed_word,
    lot,
    site,
)
from runtime.words import LAST_CHARACTER, LONGEST_WORD, PLACE, fold, parts

#: What a limit or a filter by name speaks of.
ISSUER, SITE, COURSE = issuer.c.name, site.c.name, issuance.c.course_id
#: Totals are counted up to here.
MOST = 10_000
#: So many of the newest are looked through, whatever is asked.
WALKED = 30_000
#: Up to so many are found by a word or a state before anything else is compared.
FEW = 5_000
#: So many of more are looked up one by one for a total.
LOOKED_UP = 3_000
#: Entries of the index of words that are counted: a name may stand in it several times.
ENTRIES = 40_000
#: So often one issuance may be met by one part of a query, mostly.
SAME = 4
#: Before and after every id.
FIRST, LAST = "", "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What is looked for; None and empty: anything."""

    #: Words of a learner's name, by their beginning; their e-mail address or id at the LMS; a
    #: reference id; an issuance's id.
    q: str = ""
    state: str | None = None
    issuer: str | None = None
    site: str | None = None
    course: str | None = None  #: its id, or else words of its code and title
    mapping: str | None = None
    since: datetime | None = None
    until: datetime | None = None  #: not included
    newer: str | None = None  #: than the issuance of this id


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many there are on all pages; at least so many, where not all were counted."""

    count: int
    more: bool = False


NONE = Total(count=0)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for, in the database's words."""

    conn: sa.Connection
    lots: sa.Select[tuple[int]] | None  #: None: of all
    state: str | None
    parts: Sequence[str]
    low: str
    high: str

    def within(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """Ids in the time that is asked for, and after the page before."""
        return sa.and_(column > self.low, column < self.high)

    @property
    def is_looked_up(self) -> bool:
        """Whether more is asked than what an entry in the index of words says."""
        long = len(self.parts) > 1 or len(self.parts[0]) > LONGEST_WORD
        return long or self.state is not None

    def of_state(self) -> list[sa.ColumnElement[bool]]:
        return [] if self.state is None else [listed.c.state == self.state]

    def of_lots(self, column: sa.ColumnElement[int]) -> list[sa.ColumnElement[bool]]:
        return [] if self.lots is None else [column.in_(self.lots)]

    def of_text(self, text: sa.ColumnElement[str]) -> list[sa.ColumnElement[bool]]:
        place = PLACE[self.conn.dialect.name]
        return [place(text, f" {part}") > 0 for part in self.parts]


_shown = (
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
    ids = found(conn, filters, within=within, after=after, limit=limit)
    rows = conn.execute(_shown.where(issuance.c.id.in_(ids)))
    return sorted(rows, key=lambda row: str(row.id), reverse=True)


def found(
    conn: sa.Connection,
    filters: Filters,
    *,
    within: sa.ColumnElement[bool],
    after: str | None,
    limit: int,
) -> Sequence[str]:
    """As `page`: the ids alone."""
    with _planned_anew(conn):
        return _found(conn, filters, within=within, after=after, limit=limit)


def _found(
    conn: sa.Connection,
    filters: Filters,
    *,
    within: sa.ColumnElement[bool],
    after: str | None,
    limit: int,
) -> Sequence[str]:
    asked = _understood(conn, filters, within)
    if isinstance(asked, list):
        return [row_id for row_id in asked if after is None or row_id < after][:limit]
    if after is not None:
        asked = replace(asked, high=min(asked.high, after))
    if asked.lots is None and not asked.parts:
        return _plain(asked, limit)
    near = _walked(asked, limit)
    if len(near) == limit or _walked_all(asked):
        return near
    return _by_words(asked, limit) if asked.parts else _by_lots(asked, limit)


def total(conn: sa.Connection, filters: Filters, *, within: sa.ColumnElement[bool]) -> Total:
    """How many `page` finds on all its pages."""
    with _planned_anew(conn):
        return _total(conn, filters, within)


@contextmanager
def _planned_anew(conn: sa.Connection) -> Iterator[None]:
    """Have PostgreSQL plan for the very values that are asked for, however often it was asked.

    A plan for any word takes it that few have it, and looks through the lots for each that does.
    """
    if conn.dialect.name != "postgresql":
        yield
        return
    conn.execute(sa.text("SET plan_cache_mode = force_custom_plan"))
    try:
        yield
    finally:
        conn.execute(sa.text("RESET plan_cache_mode"))


def _total(conn: sa.Connection, filters: Filters, within: sa.ColumnElement[bool]) -> Total:
    asked = _understood(conn, filters, within)
    if isinstance(asked, list):
        return Total(count=len(asked))
    if asked.parts:
        return _words_total(asked)
    counted = _up_to(conn, _any_order(asked), MOST + 1)
    return Total(count=min(counted, MOST), more=counted > MOST)


def mappings(conn: sa.Connection, *, within: sa.ColumnElement[bool]) -> Sequence[str]:
    """The names of the mappings that have issued ``within`` a person's limits."""
    names = (
        sa.select(lot.c.mapping_name)
        .join(site, site.c.id == lot.c.site_id)
        .join(issuer, issuer.c.id == lot.c.issuer_id)
        .where(_of_lots(within))
    )
    return conn.scalars(names.distinct().order_by(lot.c.mapping_name)).all()


def one(conn: sa.Connection, row_id: str, *, within: sa.ColumnElement[bool]) -> sa.Row[Any] | None:
    """One issuance, if it is within a person's limits, with ``link_id``, its live link's."""
    live = sa.and_(link.c.issuance_id == issuance.c.id, link.c.revoked_at.is_(None))
    query = _shown.add_columns(link.c.id.label("link_id")).outerjoin(link, live)
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


def _of_lots(within: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Limits as they are of lots, which have the course that their issuances are of."""

    def replaced(element: Any, **_: Any) -> Any:
        return lot.c.course_id if element is COURSE else None

    limits: sa.ColumnElement[bool] = visitors.replacement_traverse(within, {}, replaced)
    return limits


def _understood(
    conn: sa.Connection, filters: Filters, within: sa.ColumnElement[bool]
) -> _Asked | list[str]:
    """What is asked; or, newest first, the few issuances that an id names."""
    low = before("is", filters.since) if filters.since is not None else FIRST
    asked = _Asked(
        conn=conn,
        lots=_lots(conn, filters, within),
        state=filters.state or None,
        parts=parts(filters.q, sought),
        low=max(low, filters.newer or FIRST),
        high=before("is", filters.until) if filters.until is not None else LAST,
    )
    if filters.q and ((named := _named(asked, filters.q)) or not asked.parts):
        return named
    return asked


def _named(asked: _Asked, q: str) -> list[str]:
    by_id = kind_of(q) == "issuance"
    named = issuance.c.id == q if by_id else issuance.c.reference_id == q.upper()
    rows = asked.conn.execute(sa.select(issuance.c.id).where(named)).scalars().all()
    if not rows:
        return []
    fits = [*asked.of_state(), *asked.of_lots(listed.c.lot_id), asked.within(listed.c.id)]
    query = sa.select(listed.c.id).where(listed.c.id.in_(rows), *fits)
    return list(asked.conn.scalars(query.order_by(listed.c.id.desc())))


def _lots(
    conn: sa.Connection, filters: Filters, within: sa.ColumnElement[bool]
) -> sa.Select[tuple[int]] | None:
    same = {
        issuer.c.name: filters.issuer,
        site.c.name: filters.site,
        lot.c.mapping_name: filters.mapping,
    }
    conditions = [column == value for column, value in same.items() if value]
    if filters.course:
        conditions.append(_course(conn, filters.course))
    if not conditions and within.compare(sa.true()):
        return None
    return (
        sa.select(lot.c.id)
        .join(site, site.c.id == lot.c.site_id)
        .join(issuer, issuer.c.id == lot.c.issuer_id)
        .where(_of_lots(within), *conditions)
    )


def _course(conn: sa.Connection, course: str) -> sa.ColumnElement[bool]:
    by_id = lot.c.course_id == course
    if conn.execute(sa.select(lot.c.id).where(by_id).limit(1)).first() is not None:
        return by_id
    place, words = PLACE[conn.dialect.name], parts(course, fold)
    if not words:
        return sa.false()
    return sa.and_(*(place(lot.c.text, f" {word}") > 0 for word in words))


def _plain(asked: _Asked, limit: int) -> Sequence[str]:
    query = sa.select(listed.c.id).where(asked.within(listed.c.id), *asked.of_state())
    return asked.conn.scalars(query.order_by(listed.c.id.desc()).limit(limit)).all()


def _walked(asked: _Asked, limit: int) -> Sequence[str]:
    """What is found among the newest; all of a page, or the beginning of one."""
    newest = (
        sa.select(listed.c.id, listed.c.lot_id, listed.c.text)
        .where(asked.within(listed.c.id), *asked.of_state())
        .order_by(listed.c.id.desc())
        .limit(WALKED)
        .subquery()
    )
    query = sa.select(newest.c.id).where(
        *asked.of_lots(newest.c.lot_id), *asked.of_text(newest.c.text)
    )
    return asked.conn.scalars(query.order_by(newest.c.id.desc()).limit(limit)).all()


def _walked_all(asked: _Asked) -> bool:
    """Whether there are no others of that state and time than those that were looked through."""
    query = sa.select(listed.c.id).where(asked.within(listed.c.id), *asked.of_state())
    return _up_to(asked.conn, query, WALKED + 1) <= WALKED


def _by_lots(asked: _Asked, limit: int) -> Sequence[str]:
    """Of the lots whose newest are the newest, the newest of each, until no other can be newer."""
    of_lot = (
        sa.select(listed.c.id)
        .where(asked.within(listed.c.id), *asked.of_state())
        .order_by(listed.c.id.desc())
    )
    newest = of_lot.where(listed.c.lot_id == lot.c.id).limit(1).correlate(lot).scalar_subquery()
    tops = (
        sa.select(lot.c.id, newest.label("newest"))
        .where(*asked.of_lots(lot.c.id))
        .order_by(sa.desc("newest").nulls_last())
        .limit(limit)
    )
    ids: list[str] = []
    for lot_id, top in asked.conn.execute(tops).all():
        if top is None or (len(ids) == limit and top < ids[-1]):
            break
        of_this = of_lot.where(listed.c.lot_id == lot_id).limit(limit)
        ids = sorted([*ids, *asked.conn.scalars(of_this)], reverse=True)[:limit]
    return ids


def _any_order(asked: _Asked) -> sa.Select[tuple[str]]:
    """Those of some lots, by the index of lots."""
    query = sa.select(listed.c.id).where(asked.within(listed.c.id), *asked.of_state())
    if asked.lots is None:
        return query
    if asked.conn.dialect.name == "sqlite":
        return query.where(listed.c.lot_id.in_(asked.lots))
    lots = asked.lots.subquery()
    each = query.where(listed.c.lot_id == lots.c.id).limit(MOST + 1).lateral()
    return sa.select(each.c.id).select_from(lots.join(each, sa.true()))


def _by_words(asked: _Asked, limit: int) -> Sequence[str]:
    candidates, _ = _candidates(asked)
    ids: list[str] = []
    # A name may stand there several times; to leave that to the database takes five times as long.
    for most in (limit * SAME, None):
        newest = candidates.order_by(sa.desc("id")).limit(most)
        rows = asked.conn.execute(newest).all()
        ids = list(dict.fromkeys(str(row.id) for row in rows))[:limit]
        if len(ids) == limit or len(rows) != most:
            break
    return ids


def _words_total(asked: _Asked) -> Total:
    candidates, few = _candidates(asked)
    if few:
        return Total(count=_up_to(asked.conn, candidates.distinct(), None))
    most = LOOKED_UP if asked.is_looked_up else ENTRIES
    entries = _entries(asked, _rarest(asked)[0]).limit(most).subquery()
    fits = sa.case((_fits(asked, entries), entries.c.id))
    looked, count = asked.conn.execute(
        sa.select(sa.func.count(), sa.func.count(fits.distinct())).select_from(entries)
    ).one()
    return Total(count=min(count, MOST), more=looked == most or count > MOST)


def _candidates(asked: _Asked) -> tuple[sa.Select[tuple[str]], bool]:
    """The issuances that fit, found by what leaves fewest; and whether those are few.

    Some may come several times.
    """
    rarest, number = _rarest(asked)
    if asked.state is not None and number > 1:
        of_state = sa.select(listed.c.id).where(asked.within(listed.c.id), *asked.of_state())
        if _up_to(asked.conn, of_state, number) < number:
            fits = [*asked.of_lots(listed.c.lot_id), *asked.of_text(listed.c.text)]
            return of_state.where(*fits), True
    # The offset keeps PostgreSQL from looking up entries of other lots.
    entries = _entries(asked, rarest).offset(0).subquery()
    return _compared(asked, entries), number < FEW


def _rarest(asked: _Asked) -> tuple[str, int]:
    """The part of the query that fewest words begin with, and how many do; at most `FEW`."""
    counts = {part: _up_to(asked.conn, _begun(asked, part), FEW) for part in asked.parts}
    rarest = min(counts, key=counts.__getitem__)
    return rarest, counts[rarest]


def _begun(asked: _Asked, part: str) -> sa.Select[tuple[str]]:
    """Each place in the index of words that a part of the query begins."""
    begins = part[:LONGEST_WORD].rstrip()
    return sa.select(listed_word.c.issuance_id.label("id")).where(
        listed_word.c.word >= begins,
        listed_word.c.word < begins + LAST_CHARACTER,
        asked.within(listed_word.c.issuance_id),
    )


def _entries(asked: _Asked, part: str) -> sa.Select[tuple[str]]:
    """Those of them that are of the lots that are asked for."""
    return _begun(asked, part).where(*asked.of_lots(listed_word.c.lot_id))


def _compared(asked: _Asked, entries: sa.FromClause) -> sa.Select[tuple[str]]:
    """Those of the entries that have all parts of the query, and the state."""
    return sa.select(entries.c.id.label("id")).where(_fits(asked, entries))


def _fits(asked: _Asked, entries: sa.FromClause) -> sa.ColumnElement[bool]:
    if not asked.is_looked_up:
        return sa.true()
    checks = sa.and_(*asked.of_state(), *asked.of_text(listed.c.text))
    row = sa.select(sa.case((checks, 1))).where(listed.c.id == entries.c.id)
    return row.correlate(entries).scalar_subquery() == 1


def _up_to(conn: sa.Connection, query: sa.Select[Any], most: int | None) -> int:
    counted = query.limit(most).subquery() if most is not None else query.subquery()
    return int(conn.execute(sa.select(sa.func.count()).select_from(counted)).scalar_one())
