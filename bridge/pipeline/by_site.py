"""What is asked of LMSs: each site by itself, side by side.

A site that does not answer is asked by one row at a time, ever more rarely, and its other rows keep
as they are. What failed in company is tried in ever smaller company, and never before what is
fresh, so that one bad row holds up nobody but itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

import sqlalchemy as sa

from bridge.pipeline import trouble
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug, cause_of
from bridge.pipeline.guard import poisoned
from bridge.store import accounts, gates
from bridge.store.gates import Way
from bridge.store.tables import site as sites
from bridge.store.troubles import troubled
from connectors.base import Connector, Malformed, Permanent, Temporary
from runtime.lease import LeaseLost, claim, due, give_back, still_held

BY_ITSELF = "Nothing: it is tried again by itself."
MOST_BUG_TRIES = 3
#: By how much smaller the company is with each failure.
SHRINKS = 5


class Stop(Protocol):
    """How a row ends until a person has mended something; raises LeaseLost."""

    def __call__(
        self,
        conn: sa.Connection,
        row: sa.Row[Any],
        *,
        cause: str,
        problem: str,
        remedy: str,
        now: datetime,
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done with the due rows of a table, a batch of one site's at a time."""

    name: str
    doing: str  #: what it does, to begin a sentence with
    table: sa.Table
    turns: tuple[sa.ColumnElement[bool], ...]  #: which rows are for it; the former come first
    batch: int
    alike: tuple[str, ...] = ()  #: columns that the rows of one batch share
    #: The work itself. Raises what connectors raise; gives back every row it is done with.
    work: Callable[[Bridge, sa.Row[Any], Connector[Any], Sequence[sa.Row[Any]]], None]
    stop: Stop
    tells: bool = True  #: whether rows say why they wait; else they keep the words they have


def fresh_first(
    table: sa.Table, which: sa.ColumnElement[bool]
) -> tuple[sa.ColumnElement[bool], ...]:
    """The turns of a step in which what was never tried comes before what has failed."""
    return (sa.and_(which, table.c.tries == 0), sa.and_(which, table.c.tries > 0))


def run(bridge: Bridge, step: Step) -> bool:
    """Work through a batch of each site that has due rows; say whether there may be more."""
    having_work = partial(_having_work, bridge, step)
    return bridge.sides[step.name].run(having_work, partial(_batch, bridge, step))


def has_work(step: Step, *, now: datetime) -> sa.Exists:
    """Whether a site has due rows and may be asked."""
    return _sites_with_work(step, now).exists()


def workable(step: Step, now: datetime) -> sa.ColumnElement[bool]:
    """Rows for a step whose sites may be asked."""
    askable = sa.select(sites.c.id).where(gates.may_be_called(sites, now))
    return sa.and_(sa.or_(*step.turns), step.table.c.site_id.in_(askable))


def _having_work(bridge: Bridge, step: Step) -> Sequence[str]:
    with bridge.database.read() as conn:
        return conn.execute(_sites_with_work(step, bridge.database.now(conn))).scalars().all()


def _sites_with_work(step: Step, now: datetime) -> sa.Select[Any]:
    rows = sa.select(step.table.c.id).where(
        step.table.c.site_id == sites.c.id, sa.or_(*step.turns), due(step.table, now)
    )
    return sa.select(sites.c.id).where(gates.may_be_called(sites, now), rows.exists())


def _batch(bridge: Bridge, step: Step, site_id: str) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        way = gates.way(conn, sites, site_id, now=now, probe_ends=now + bridge.settings.lease)
        most = 1 if way is Way.PROBE else step.batch
        rows = () if way is Way.SHUT else _claim(bridge, conn, step, site_id, most=most, now=now)
        site = accounts.site_by_id(conn, site_id)
    if rows:
        _guarded(bridge, step, site, rows)


def _claim(
    bridge: Bridge, conn: sa.Connection, step: Step, site_id: str, *, most: int, now: datetime
) -> Sequence[sa.Row[Any]]:
    table = step.table
    for turn in step.turns:
        of_turn = sa.and_(table.c.site_id == site_id, turn)
        first = conn.execute(
            sa.select(table)
            .where(of_turn, due(table, now))
            .order_by(table.c.next_run_at, table.c.id)
            .limit(1)
        ).first()
        if first is None:
            continue
        # Whoever held it last has died, or was too slow for so many: that is a failure, too.
        held = first.lease_until is not None
        alike = [table.c[name] == getattr(first, name) for name in (*step.alike, "tries")]
        alike.append(table.c.lease_until.is_not(None) if held else table.c.lease_until.is_(None))
        failures = first.tries + held
        rows = claim(
            conn,
            table,
            where=sa.and_(of_turn, *alike),
            owner=bridge.owner,
            now=now,
            lease=bridge.settings.lease,
            limit=min(most, company(step, failures)),
            tries=failures,
        )
        if rows:
            return rows
    return ()


def company(step: Step, tries: int) -> int:
    """With how many others, itself counted, a row is tried that has failed so many times."""
    smaller: int = SHRINKS ** min(tries, 10)
    return max(1, step.batch // smaller)


def _guarded(bridge: Bridge, step: Step, site: sa.Row[Any], rows: Sequence[sa.Row[Any]]) -> None:
    subject = site.id if len(rows) > 1 else rows[0].id
    with poisoned(step.name, subject, partial(_spoilt, bridge, step, site, rows)):
        _ask(bridge, step, site, rows)


def _ask(bridge: Bridge, step: Step, site: sa.Row[Any], rows: Sequence[sa.Row[Any]]) -> None:
    try:
        step.work(bridge, site, bridge.connector_of(site), rows)
    except (Temporary, Permanent) as exc:
        _not_now(bridge, step, site, rows, exc)
    except Malformed as exc:
        if len(rows) > 1:
            _apart(bridge, step, site, rows)
        else:
            _unreadable(bridge, step, rows[0], exc)
    else:
        trouble.over(bridge, site)


def _spoilt(
    bridge: Bridge, step: Step, site: sa.Row[Any], rows: Sequence[sa.Row[Any]], name: str
) -> None:
    if len(rows) > 1:
        _apart(bridge, step, site, rows)
    else:
        fault(bridge, step, rows[0], name)


def _apart(bridge: Bridge, step: Step, site: sa.Row[Any], rows: Sequence[sa.Row[Any]]) -> None:
    """One of them spoils the batch: by halves, as they stand now, so that nothing is done twice."""
    with bridge.database.read() as conn:
        held = still_held(conn, step.table, rows)
    half = (len(held) + 1) // 2
    for part in (held[:half], held[half:]):
        if part:
            _guarded(bridge, step, site, part)


def _not_now(
    bridge: Bridge,
    step: Step,
    site: sa.Row[Any],
    rows: Sequence[sa.Row[Any]],
    exc: Temporary | Permanent,
) -> None:
    remedy = exc.remedy if isinstance(exc, Permanent) else BY_ITSELF
    cause = cause_of(step.name, exc)
    waits = partial(trouble.wait, bridge, exc)
    again(bridge, step, rows, cause=cause, problem=exc.problem, remedy=remedy, waits=waits)
    # What has failed before may be to blame itself: the site is not judged by it.
    if site.shut_until is not None or any(row.tries == 0 for row in rows):
        trouble.tell(bridge, site, exc)


def again(
    bridge: Bridge,
    step: Step,
    rows: Sequence[sa.Row[Any]],
    *,
    cause: str,
    problem: str,
    remedy: str = BY_ITSELF,
    waits: Callable[[int], timedelta] | None = None,
) -> None:
    """Try rows once more, later; those that are done, or somebody else's, are left alone.

    ``waits`` says how long after so many failures; by default as the settings do.
    """
    waits = waits or bridge.backoff.wait
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for row in rows:
            tries = row.tries + 1
            said = troubled(row, cause=cause, problem=problem, remedy=remedy, now=now)
            with suppress(LeaseLost):
                give_back(
                    conn,
                    step.table,
                    row,
                    next_run_at=now + waits(tries),
                    tries=tries,
                    **(said if step.tells else {}),
                )


def _unreadable(bridge: Bridge, step: Step, row: sa.Row[Any], exc: Malformed) -> None:
    """The LMS answers about this one in a shape unknown; after an upgrade it may be read."""
    with bridge.database.write() as conn:
        step.stop(
            conn,
            row,
            cause=cause_of(step.name, exc),
            problem=f"The LMS's answer cannot be read: {exc}.",
            remedy="Look at what the LMS answers, or upgrade the connector.",
            now=bridge.database.now(conn),
        )


def fault(bridge: Bridge, step: Step, row: sa.Row[Any], name: str) -> None:
    """The program is at fault: the row is tried a few times, then it waits for a person."""
    cause = bug(step.name, name)
    problem = f"{step.doing} failed with {name}, which is a fault in the program."
    remedy = "Report it with the log's trace, and upgrade."
    if row.tries + 1 < MOST_BUG_TRIES:
        again(bridge, step, [row], cause=cause, problem=problem, remedy=remedy)
        return
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        step.stop(conn, row, cause=cause, problem=problem, remedy=remedy, now=now)
