"""Which bells there are, and which steps answer each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from bridge.pipeline import (
    by_site,
    complete,
    erase,
    fetch,
    follow,
    issue,
    look_again,
    mail,
    normalise,
    proofs,
    reconcile,
    replay,
    revoke,
    write_back,
)
from bridge.pipeline.bridge import Bridge
from bridge.store import erasures, issuances, replays, revocations, tables
from bridge.store.issuances import Which
from bridge.store.states import DeliveryState
from runtime.lease import due

Step = Callable[[Bridge], bool]

SERVICE = "bridge"

#: A bell is a queue with a worker process of its own. In it each site and each issuer is served by
#: itself: a slow LMS or vault delays neither the others nor the other steps.
BELLS: Mapping[str, tuple[Step, ...]] = {
    "normalise": (normalise.run, complete.run, fetch.run),
    "issue": (issue.run, revoke.run, erase.run, proofs.run),
    "follow": (follow.run,),
    "write_back": (write_back.run, mail.run),
    "reconcile": (reconcile.run, look_again.run, replay.run),
}

#: Where a bell's work waits, and which of it can be done now.
_WAITING: Mapping[str, tuple[tuple[sa.Table, Which], ...]] = {
    "normalise": ((tables.delivery, lambda _: tables.delivery.c.state == DeliveryState.WAITING),),
    "issue": (
        (tables.issuance, issuances.sendable),
        (tables.issuance, issuances.printable),
        (tables.revocation, revocations.workable),
        (tables.vault_erasure, erasures.workable),
        (tables.erasure, erasures.searchable),
    ),
    "follow": ((tables.issuance, issuances.followable),),
    "write_back": ((tables.mail, lambda _: sa.true()),),
    "reconcile": (
        (tables.site, lambda _: tables.site.c.removed_at.is_(None)),
        (tables.replay, lambda _: replays.unfinished()),
    ),
}

#: Which bells have work, besides, that is asked of LMSs.
_OF_SITES: Mapping[str, tuple[by_site.Step, ...]] = {
    "normalise": (complete.STEP, fetch.STEP),
    "write_back": (write_back.STEP,),
    "reconcile": (look_again.STEP,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The rows that wait for a bell's worker, and since when the oldest does."""

    count: int
    since: datetime | None


def answer(bridge: Bridge, bell: str) -> bool:
    """Do one batch of every step of a bell; say whether there may be more."""
    more = [step(bridge) for step in BELLS[bell]]  # every step has its turn
    return any(more)


def due_bells(bridge: Bridge, *, among: Iterable[str] = tuple(BELLS)) -> Iterable[str]:
    """The bells that have work whose time has come."""
    with bridge.database.read() as conn:
        return bells_due(conn, by=bridge.database.now(conn), among=among)


def bells_due(
    conn: sa.Connection, *, by: datetime, among: Iterable[str] = tuple(BELLS)
) -> Sequence[str]:
    """The bells with work that could have been done by a moment, asked in one statement."""
    asked = sa.select(*(_has_work(bell, by).label(bell) for bell in among))
    return [bell for bell, has in conn.execute(asked).one()._mapping.items() if has]


def waiting(conn: sa.Connection, *, now: datetime) -> Mapping[str, Waiting]:
    """How much work each bell has that could be done now."""
    found: dict[str, Waiting] = {}
    for bell in BELLS:
        parts = [
            conn.execute(
                sa.select(sa.func.count(), sa.func.min(table.c.next_run_at)).where(
                    which(now), due(table, now)
                )
            ).one()
            for table, which in _tables_of(bell)
        ]
        found[bell] = Waiting(
            count=sum(count for count, _ in parts),
            since=min((since for _, since in parts if since is not None), default=None),
        )
    return found


def _tables_of(bell: str) -> Iterator[tuple[sa.Table, Which]]:
    yield from _WAITING[bell]
    for step in _OF_SITES.get(bell, ()):
        yield step.table, partial(by_site.workable, step)


def _has_work(bell: str, now: datetime) -> sa.ColumnElement[bool]:
    some = [sa.exists().where(which(now), due(table, now)) for table, which in _WAITING[bell]]
    some += [by_site.has_work(step, now=now) for step in _OF_SITES.get(bell, ())]
    return sa.or_(*some)
