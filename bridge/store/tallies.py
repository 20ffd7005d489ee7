"""What became of completions: how many are certified, how many wait and for what, by site."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.store import ids
from bridge.store.states import CompletionState, IssuanceState
from bridge.store.tables import completion, issuance, site

#: Nothing keeps it: it is simply not there yet.
ON_ITS_WAY = "on_its_way"
#: Completions that are not to be certified, unless a person says otherwise.
LEFT = (
    CompletionState.UNMATCHED,
    CompletionState.EARLY,
    CompletionState.AGAIN,
    CompletionState.DISCARDED,
)
#: Those for which a certificate stands: their own, or one that another course shares.
CERTIFIED = (CompletionState.MAPPED, CompletionState.SAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The completions of one site, or of several; each is certified, waits, or is left alone."""

    certified: int = 0
    waiting: Mapping[str, int] = field(default_factory=dict)  #: how many for which cause
    left: Mapping[str, int] = field(default_factory=dict)  #: not to be certified, by cause
    oldest: datetime | None = None  #: since when the oldest that waits is known

    @property
    def waits(self) -> int:
        """How many wait."""
        return sum(self.waiting.values())

    @property
    def completed(self) -> int:
        """How many there are."""
        return self.certified + self.waits + sum(self.left.values())


def by_site(
    conn: sa.Connection, *, since: datetime, until: datetime | None = None
) -> dict[str, Tally]:
    """What became of the completions that were heard of in that time, by the site's name.

    One that two mappings certify is certified once both have; one that was told before is no
    completion of its own.
    """
    parts: dict[str, list[sa.Row[Any]]] = {}
    for row in conn.execute(_counted(_heard(since, until))):
        parts.setdefault(row.site, []).append(row)
    return {name: _tally(rows) for name, rows in parts.items()}


def of_course(conn: sa.Connection, site_id: str, course_id: str) -> Tally:
    """What became of all completions of a course."""
    of = sa.and_(completion.c.site_id == site_id, completion.c.course_id == course_id)
    return _tally(conn.execute(_counted(of)).all())


def together(tallies: Sequence[Tally]) -> Tally:
    """One tally of several."""
    waiting: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for tally in tallies:
        waiting.update(tally.waiting)
        left.update(tally.left)
    return Tally(
        certified=sum(tally.certified for tally in tallies),
        waiting=waiting,
        left=left,
        oldest=min((t.oldest for t in tallies if t.oldest is not None), default=None),
    )


def _tally(rows: Sequence[sa.Row[Any]]) -> Tally:
    waiting: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for row in rows:
        if row.outcome != "certified":
            (left if row.outcome == "left" else waiting)[row.cause or ON_ITS_WAY] += row.number
    return Tally(
        certified=sum(row.number for row in rows if row.outcome == "certified"),
        waiting=waiting,
        left=left,
        oldest=min((row.oldest for row in rows if row.outcome == "waiting"), default=None),
    )


def _counted(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    each = _each(which).subquery()
    waits = each.c.waits_for.is_not(None)
    outcome = sa.case(
        (waits, "waiting"),
        (each.c.state.in_(CERTIFIED), "certified"),
        (each.c.state.in_(LEFT), "left"),
        else_="waiting",
    )
    cause = sa.case((waits, issuance.c.cause), else_=each.c.cause)
    told = (
        sa.select(each.c.site_id, each.c.created_at, outcome.label("outcome"), cause.label("cause"))
        .outerjoin(issuance, issuance.c.id == each.c.waits_for)
        .subquery()
    )
    return (
        sa.select(
            site.c.name.label("site"),
            told.c.outcome,
            told.c.cause,
            sa.func.count().label("number"),
            sa.func.min(told.c.created_at).label("oldest"),
        )
        .join(site, site.c.id == told.c.site_id)
        .group_by(site.c.name, told.c.outcome, told.c.cause)
    )


def _heard(since: datetime, until: datetime | None) -> sa.ColumnElement[bool]:
    heard = completion.c.id >= ids.before("cp", since)
    return heard if until is None else heard & (completion.c.id < ids.before("cp", until))


def _each(which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Each completion once, with the first of its issuances that is not at its end."""
    columns = (completion.c[name] for name in ("site_id", "state", "cause", "created_at"))
    counted = which, ~TOLD_BEFORE, completion.c.state != CompletionState.ERASED
    return sa.select(*columns, waits_for().label("waits_for")).where(*counted)


#: It is no completion of its own.
TOLD_BEFORE = sa.and_(
    completion.c.state == CompletionState.SAME,
    completion.c.same_as.startswith("cp_", autoescape=True),
)


def waits_for() -> sa.ScalarSelect[str]:
    """The first of a completion's issuances that is not at its end."""
    ended = (IssuanceState.GENERATED, IssuanceState.CANCELLED, IssuanceState.ERASED)
    theirs = sa.or_(
        issuance.c.completion_id == completion.c.id, issuance.c.id == completion.c.same_as
    )
    return (
        sa.select(sa.func.min(issuance.c.id))
        # Of one that is only to be corrected, the certificate is there.
        .where(theirs, issuance.c.replaces.is_(None), issuance.c.state.not_in(ended))
        .scalar_subquery()
    )
