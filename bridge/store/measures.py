"""What monitoring counts: rows that came, calls by outcome, how long certificates took."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bridge.store import ids
from bridge.store.states import DifferenceState
from bridge.store.tables import (
    attempt,
    completion,
    delivery,
    difference,
    issuance,
    issuer,
    refusal,
    site,
    unwanted_event,
    write_back,
)

#: What is older does not change any more: a call has ended, a delivery was read.
SETTLED = timedelta(hours=1)
#: From so many of the newest certificates is told how long they took.
MOST_TIMED = 2000


class Growing:
    """How many rows there are of each group, in a table whose rows stay.

    Those that cannot change any more are counted once in a process's life. Safe to use from many
    threads.
    """

    def __init__(
        self,
        key: sa.Column[Any],
        *groups: sa.Column[Any],
        settled: Callable[[datetime], sa.ColumnElement[bool]],
    ) -> None:
        """``settled``: which rows do not change after a moment."""
        self._key, self._groups, self._settled = key, groups, settled
        self._counted: Counter[tuple[Any, ...]] = Counter()
        self._upto: Any = None
        self._lock = threading.Lock()

    def count(self, conn: sa.Connection, *, now: datetime) -> Mapping[tuple[Any, ...], int]:
        """The rows by their groups."""
        with self._lock:
            fresh = sa.true() if self._upto is None else self._key > self._upto
            newest = sa.select(sa.func.max(self._key)).where(fresh, self._settled(now - SETTLED))
            upto = conn.execute(newest).scalar()
            if upto is not None:
                self._counted += self._some(conn, sa.and_(fresh, self._key <= upto))
                self._upto = upto
            rest = sa.true() if self._upto is None else self._key > self._upto
            return self._counted + self._some(conn, rest)

    def _some(self, conn: sa.Connection, which: sa.ColumnElement[bool]) -> Counter[tuple[Any, ...]]:
        asked = sa.select(*self._groups, sa.func.count()).where(which).group_by(*self._groups)
        return Counter({tuple(row[:-1]): row[-1] for row in conn.execute(asked)})


def attempts() -> Growing:
    """Remote calls by operation and outcome."""
    return Growing(
        attempt.c.id,
        attempt.c.operation,
        attempt.c.outcome,
        settled=lambda before: attempt.c.sent_at < before,
    )


def deliveries() -> Growing:
    """Deliveries by site's id; those that nobody wanted are not kept, see `unwanted`."""
    return Growing(
        delivery.c.id, delivery.c.site_id, settled=lambda at: delivery.c.id < ids.before("dl", at)
    )


def unwanted(conn: sa.Connection) -> Mapping[str, int]:
    """How many deliveries of each site nobody wanted, by its id."""
    return _by(conn, unwanted_event.c.site_id, unwanted_event.c.count)


def refused(conn: sa.Connection) -> Mapping[tuple[str, str], int]:
    """How many deliveries were turned away, by site's name and reason."""
    groups = (refusal.c.site_name, refusal.c.reason)
    asked = sa.select(*groups, sa.func.sum(refusal.c.count)).group_by(*groups)
    return {(row[0], row[1]): int(row[2]) for row in conn.execute(asked)}


def certificates(conn: sa.Connection) -> Mapping[str, int]:
    """How many certificates were made, by the issuer's name; found by an index alone."""
    made = sa.select(sa.func.count()).where(
        issuance.c.issuer_id == issuer.c.id, issuance.c.generated_at.is_not(None)
    )
    rows = conn.execute(sa.select(issuer.c.name, made.scalar_subquery().label("number")))
    return {row.name: row.number for row in rows}


def written(conn: sa.Connection) -> Mapping[str, int]:
    """How many gradebook rows were written, by the site's name; found by an index alone."""
    told = sa.select(sa.func.count()).where(
        write_back.c.site_id == site.c.id, write_back.c.written_at.is_not(None)
    )
    rows = conn.execute(sa.select(site.c.name, told.scalar_subquery().label("number")))
    return {row.name: row.number for row in rows}


def open_differences(conn: sa.Connection) -> Mapping[tuple[str, str], int]:
    """How many differences are open, by site's name and cause."""
    asked = (
        sa.select(site.c.name, difference.c.cause, sa.func.count())
        .join(site, site.c.id == difference.c.site_id)
        .where(difference.c.state == DifferenceState.OPEN)
        .group_by(site.c.name, difference.c.cause)
    )
    return {(row[0], row[1]): row[2] for row in conn.execute(asked)}


def seconds_taken(conn: sa.Connection, *, since: datetime) -> Sequence[float]:
    """How long certificates made since then took, from delivery to made, shortest first.

    Corrections are not among them: they begin with a person, not with a delivery.
    """
    began = sa.func.coalesce(delivery.c.received_at, issuance.c.created_at)
    asked = (
        sa.select(sa.type_coerce(began, issuance.c.created_at.type), issuance.c.generated_at)
        .select_from(issuance)
        .join(completion, completion.c.id == issuance.c.completion_id)
        .outerjoin(delivery, delivery.c.id == completion.c.delivery_id)
        .where(
            issuance.c.issuer_id.in_(sa.select(issuer.c.id).correlate(None)),
            issuance.c.generated_at >= since,
            issuance.c.revision == 0,
        )
        .order_by(issuance.c.generated_at.desc())
        .limit(MOST_TIMED)
    )
    return sorted((made - began).total_seconds() for began, made in conn.execute(asked))


def _by(conn: sa.Connection, group: sa.Column[str], number: sa.Column[int]) -> Mapping[str, int]:
    asked = sa.select(group, sa.func.sum(number)).group_by(group)
    return {name: int(total) for name, total in conn.execute(asked)}
