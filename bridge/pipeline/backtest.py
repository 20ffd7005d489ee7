"""What a draft of a mapping would change, over completions that were really received.

The draft stands in for the active version of its name, or beside the others if its name is new.
Nothing is written, and neither an LMS nor a vault is asked: completions are taken as they are kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import decide
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.parts import parts
from bridge.pipeline.versioned import active_mappings
from bridge.pipeline.zones import zoned
from bridge.store import accounts, completions, issuances
from bridge.store.states import CompletionState
from bridge.store.tables import completion
from mappings import model
from mappings.comparing import Case, Change, Difference, compare
from mappings.engine import natural_key

#: Completions that are read and compared at once.
CHUNK = 500
COLLIDING = "would collide with another learner's certificate"
#: What wants a person's eyes first.
WORST_FIRST = (
    Change.FAILING,
    Change.UNMATCHED,
    Change.HELD,
    Change.LEFT_OUT,
    Change.CHANGED,
    Change.MATCHED,
    Change.AGAIN,
    Change.MENDED,
    Change.RELEASED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One certificate of a completion, by the active mappings and with the draft."""

    completion_id: str
    course: str
    difference: Difference
    #: Another learner's issuance or completion with the same e-mail, title and issue date.
    collides_with: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holder:
    """Whose certificate something is, and its id."""

    site_id: str
    learner_id: str
    id: str

    def is_another(self, than: _Holder) -> bool:
        return (self.site_id, self.learner_id) != (than.site_id, than.learner_id)


def backtest(
    bridge: Bridge, draft: model.Mapping, *, last: int, site: str | None = None
) -> Iterator[Tested]:
    """Compare the ``last`` completions, newest first, of one site or of all.

    The draft's issuer and templates are there. Completions that no mapping wants, with the draft
    or without, are not told of. Raises bridge.store.accounts.NotThere for an unknown site.
    """
    sites = None if site is None else [site]
    for part in in_parts(bridge, draft, last=last, sites=sites):
        yield from part.found


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So many completions more that were compared, and how many there are in all."""

    found: Sequence[Tested]
    done: int
    of: int


def in_parts(
    bridge: Bridge, draft: model.Mapping, *, last: int, sites: Collection[str] | None = None
) -> Iterator[Part]:
    """The same, some at a time; ``sites``: by their names, None for all."""
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        run = _Run(conn, draft, timezone=bridge.settings.timezone, now=now)
        ids = _newest(conn, last, run.sites, sites)
    done = 0
    for chunk in parts(ids, CHUNK):
        with bridge.database.read() as conn:
            found = list(run.tested(conn, chunk))
        done += len(chunk)
        yield Part(found=found, done=done, of=len(ids))


def _newest(
    conn: sa.Connection, last: int, every: Collection[str], sites: Collection[str] | None
) -> Sequence[str]:
    named = None if sites is None else [accounts.site_named(conn, name).id for name in sites]
    meant = list(every) if named is None else named
    received = sa.select(completion.c.id).where(completions.RECEIVED)
    query = received.where(completion.c.site_id.in_(meant))
    newest_first = (completion.c.created_at.desc(), completion.c.id.desc())
    return conn.execute(query.order_by(*newest_first).limit(last)).scalars().all()


class _Run:
    """What a backtest compares, and the certificates it has come by."""

    def __init__(
        self, conn: sa.Connection, draft: model.Mapping, *, timezone: str, now: datetime
    ) -> None:
        self._timezone = timezone
        self._now = now
        self._active = [each.mapping for each in active_mappings(conn)]
        self._proposed = [m for m in self._active if m.name != draft.name] + [draft]
        self._issuers = {row.name: row.id for row in accounts.issuers(conn)}
        self.sites: Mapping[str, sa.Row[Any]] = {row.id: row for row in accounts.sites(conn)}
        self._rounds: dict[tuple[str, ...], list[sa.Row[Any]]] = defaultdict(list)
        for each in completions.repeated(conn, self.sites):
            self._rounds[_whose(each)].append(each)
        #: By natural key: whose it would be first.
        self._first: dict[str, _Holder] = {}

    def tested(self, conn: sa.Connection, ids: Sequence[str]) -> Iterator[Tested]:
        found = conn.execute(sa.select(completion).where(completion.c.id.in_(ids)))
        rows = {row.id: row for row in found}
        before = {row.id: self._before(row) for row in rows.values()}
        others = completions.by_ids(conn, {each for earlier in before.values() for each in earlier})
        compared = [
            (rows[id], difference, self._key(difference))
            for id in ids
            for difference in self._compared(rows[id], [others[each] for each in before[id]])
        ]
        owners = issuances.owners_of_keys(conn, [key for *_, key in compared if key is not None])
        for row, difference, key in compared:
            yield Tested(
                completion_id=row.id,
                course=row.data["course"]["title"] or row.course_id,
                difference=difference,
                collides_with=self._another(row, key, owners.get(key)) if key else None,
            )

    def _before(self, row: sa.Row[Any]) -> Sequence[str]:
        """The ids of the same learner's rounds of the same course that came before, oldest first.

        Not of those that came before the site issued: nothing was certified for these.
        """
        return [
            each.id
            for each in self._rounds[_whose(row)]
            if each.created_at < row.created_at and each.state != CompletionState.EARLY
        ]

    def _compared(self, row: sa.Row[Any], before: Sequence[sa.Row[Any]]) -> Iterator[Difference]:
        site = self.sites[row.site_id]
        told, *earlier = (
            zoned(completions.unpack(each.data), site, setting=self._timezone)
            for each in (row, *before)
        )
        came = decide.came(row, now=self._now)
        case = Case(completion=told, site=site.name, came=came, earlier=earlier)
        return compare(self._active, self._proposed, case)

    def _key(self, difference: Difference) -> str | None:
        """The natural key of a certificate that the draft makes another one, or anew."""
        if difference.entry is None:
            return None
        return natural_key(self._issuers[difference.by.issuer], difference.entry)

    def _another(self, row: sa.Row[Any], key: str, owner: sa.Row[Any] | None) -> str | None:
        mine = _holder(row)
        first = self._first.setdefault(key, mine)
        there = [first] if owner is None else [_holder(owner), first]
        return next((one.id for one in there if one.is_another(mine)), None)


def _whose(row: sa.Row[Any]) -> tuple[str, ...]:
    return row.site_id, row.course_id, row.learner_id


def _holder(row: sa.Row[Any]) -> _Holder:
    return _Holder(site_id=row.site_id, learner_id=row.learner_id, id=row.id)


def totals(found: Sequence[Tested]) -> dict[str, int]:
    """How many there are of each kind."""
    counts = Counter(one.difference.change for one in found)
    totals = {change.value: counts[change] for change in (Change.SAME, *WORST_FIRST)}
    return {**totals, COLLIDING: len(colliding(found))}


def colliding(found: Sequence[Tested]) -> list[Tested]:
    """Those whose certificate another learner has, or would have."""
    return [one for one in found if one.collides_with is not None]
