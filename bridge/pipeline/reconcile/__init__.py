"""Reconcile a site: what its LMS, its deliveries, our rows, the vaults and its gradebook say.

A run is a row, and each of its steps a claim of the site's: killed at any moment it goes on where
it was, and done again it finds the same. Each site is compared by itself, side by side. Nothing is
issued or written by finding out; `mend` does that, where it is asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.guard import poisoned
from bridge.pipeline.reconcile import certificates, gradebook, listed, mend, rows, unsure
from bridge.pipeline.reconcile.causes import Part, causes_of
from bridge.pipeline.reconcile.work import Looked, NotCompared, Work
from bridge.store import accounts, differences, events, reconcile_runs, restored
from bridge.store.states import DifferenceState
from bridge.store.tables import site
from bridge.vault_client import Forbidden, VaultError
from connectors.base import Malformed, Permanent, Temporary
from runtime.crashpoint import crashpoint
from runtime.lease import claim, due, lease_of, release

#: Runs are kept this long; the differences they found are kept.
RUNS_KEPT = timedelta(days=30)
STEP = "reconcile"
VAULT, MEND = "vault", "mend"

_GOES_ON = "Nothing, if the next run can, which goes on from there; else look at the vault."

log = structlog.get_logger()

Compare = Callable[[Work], Looked]
#: In their order; after the issuances come the vaults, one step an issuer.
_BEFORE: Mapping[str, Compare] = {
    Part.LMS.value: listed.compare,
    Part.DELIVERIES.value: rows.deliveries,
    Part.COMPLETIONS.value: rows.completions,
    Part.ISSUANCES.value: rows.issuances,
}
FIRST = Part.LMS.value


def run(bridge: Bridge) -> bool:
    """Do one step for each site that is due; say whether there may be more."""
    return bridge.sides[STEP].run(partial(_due, bridge), partial(step, bridge))


def _due(bridge: Bridge) -> Sequence[str]:
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        asked = sa.select(site.c.id).where(site.c.removed_at.is_(None), due(site, now))
        return conn.execute(asked.order_by(site.c.next_run_at, site.c.id)).scalars().all()


def step(bridge: Bridge, site_id: str) -> bool:
    """Do one step for a site, if it is due and nobody else's; say whether it was."""
    with bridge.database.write() as conn:
        claimed = claim(
            conn,
            site,
            where=sa.and_(site.c.id == site_id, site.c.removed_at.is_(None)),
            owner=bridge.owner,
            now=bridge.database.now(conn),
            lease=bridge.settings.lease,
            limit=1,
        )
    for row in claimed:
        crashpoint("reconcile.claimed")
        with poisoned(STEP, row.id, partial(_put_off, bridge, row)):
            _step(bridge, row)
    return bool(claimed)


def begin(
    bridge: Bridge,
    site_id: str,
    *,
    since: datetime,
    who: str,
    fix: bool,
    causes: frozenset[str] | None = None,
    noting: Callable[[sa.Connection, str], None] | None = None,
) -> str | None:
    """Begin a run that a person asks for, due now; return its id, None while another runs.

    ``noting`` is called with that id in the same transaction.
    """
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if reconcile_runs.under_way(conn, site_id) is not None:
            return None
        named = None if causes is None else sorted(causes)
        run_id = reconcile_runs.begin(
            conn, site_id, who=who, since=since, step=FIRST, fix=fix, causes=named, now=now
        )
        accounts.change(conn, site_id, kind="site", next_run_at=now)
        what = "reconciled and mended" if fix else "reconciled"
        asked = {"since": since, "mends": fix, "causes": named}
        events.record(conn, site_id, what, at=now, who=who, detail=run_id, after=asked)
        if noting is not None:
            noting(conn, run_id)
        crashpoint("reconcile.beginning")
    crashpoint("reconcile.begun")
    return run_id


def dismiss(
    bridge: Bridge,
    row_id: str,
    *,
    who: str,
    reason: str | None,
    noting: Callable[[sa.Connection, str], None] | None = None,
) -> bool:
    """Say of a difference that it is none; one that was so before is left as it is.

    Returns whether it is dismissed. ``noting`` is called in the same transaction.
    """
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if differences.settle(conn, [row_id], DifferenceState.DISMISSED, who=who, now=now):
            events.record(
                conn,
                row_id,
                "dismissed",
                at=now,
                who=who,
                detail=reason,
                before={"state": DifferenceState.OPEN.value},
                after={"state": DifferenceState.DISMISSED.value},
            )
        row = differences.by_id(conn, row_id)
        done = row is not None and row.state == DifferenceState.DISMISSED
        if done and noting is not None:
            noting(conn, row_id)
        crashpoint("reconcile.dismissing")
    crashpoint("reconcile.dismissed")
    return done


def _step(bridge: Bridge, row: sa.Row[Any]) -> None:
    work = Work(bridge=bridge, site=row, run=_run_of(bridge, row))
    name, _, issuer_id = str(work.run.step).partition(":")
    if name == MEND:
        with poisoned(STEP, row.id, partial(_skip, work)):
            if mend.mend(work):
                _go_on(work, MEND)
            else:
                _end(work)
        return
    compare = _compared_by(name, issuer_id)
    with poisoned(STEP, row.id, partial(_skip, work)):
        try:
            looked = compare(work)
        except NotCompared as exc:
            _not_compared(work, exc.problem, exc.remedy)
        except Permanent as exc:
            _not_compared(work, exc.problem, exc.remedy)
        except (Temporary, Malformed) as exc:
            _not_compared(work, str(exc), "Nothing, if the next run can; else look at the LMS.")
        except Forbidden as exc:
            _not_compared(work, str(exc), exc.remedy)
        except VaultError as exc:
            _not_compared(work, str(exc), _GOES_ON)
        else:
            _compared(work, name, looked)


def _compared_by(name: str, issuer_id: str) -> Compare:
    if name == VAULT:
        return partial(certificates.compare, issuer_id=issuer_id)
    return gradebook.compare if name == Part.GRADEBOOK.value else _BEFORE[name]


def _run_of(bridge: Bridge, row: sa.Row[Any]) -> sa.Row[Any]:
    """The run that is under way, or a new one of the clock's."""
    with bridge.database.write() as conn:
        found = reconcile_runs.under_way(conn, row.id)
        if found is not None:
            return found
        now = bridge.database.now(conn)
        since, fix, causes = now - bridge.settings.reconcile_since, row.auto_mend, None
        if row.unsure_since is not None:
            since, fix, causes = min(since, row.unsure_since), True, sorted(unsure.MENDS)
        run_id = reconcile_runs.begin(
            conn,
            row.id,
            who=events.PIPELINE,
            since=since,
            step=FIRST,
            fix=fix,
            causes=causes,
            now=now,
        )
        return reconcile_runs.by_id(conn, run_id)


def _compared(work: Work, name: str, looked: Looked) -> None:
    """Count what was looked at; what one comparison did not see any more is gone."""
    told = dict(work.run.looked_at)
    told[name] = told.get(name, 0) + looked.count
    following = _after(work)
    with work.write() as (conn, now):
        if name != VAULT:
            _gone(work, conn, Part(name), looked.since, now=now)
        elif not following.startswith(VAULT) and not _failed(work, VAULT):
            _gone(work, conn, Part.VAULT, looked.since, now=now)
        reconcile_runs.change(conn, work.run.id, looked_at=told)
    _go_on(work, following)


def _gone(
    work: Work, conn: sa.Connection, part: Part, since: datetime | None, *, now: datetime
) -> None:
    differences.not_seen(
        conn,
        site_id=work.site.id,
        run_id=work.run.id,
        causes=causes_of(part),
        since=max(work.run.since, since or work.run.since),
        who=work.run.who,
        now=now,
    )


def _failed(work: Work, name: str) -> bool:
    return any(notice["what"] == name for notice in work.run.notices)


def _not_compared(work: Work, problem: str, remedy: str) -> None:
    name = str(work.run.step).partition(":")[0]
    notice = {"what": name, "problem": problem, "remedy": remedy}
    with work.write() as (conn, _):
        reconcile_runs.change(conn, work.run.id, notices=[*work.run.notices, notice])
    log.warning("not_compared", site=work.site.name, what=name, run_id=work.run.id)
    _go_on(work, _after(work))


def _skip(work: Work, name: str) -> None:
    """Our own bug in one comparison does not keep the others from being made."""
    problem = f"It failed with {name}, which is a fault in the program."
    step = str(work.run.step).partition(":")[0]
    notice = {"what": step, "problem": problem, "remedy": "Report it with the log's trace."}
    with work.write() as (conn, _):
        reconcile_runs.change(conn, work.run.id, notices=[*work.run.notices, notice])
    if step == MEND:
        _end(work)
    else:
        _go_on(work, _after(work))


def _after(work: Work) -> str:
    """The step that follows the run's present one."""
    name, _, issuer_id = str(work.run.step).partition(":")
    order = list(_BEFORE)
    if name in order[:-1]:
        return order[order.index(name) + 1]
    if name in (order[-1], VAULT):
        with work.bridge.database.read() as conn:
            following = certificates.next_issuer(conn, work.site.id, after=issuer_id)
        return f"{VAULT}:{following}" if following else Part.GRADEBOOK.value
    return MEND


def _go_on(work: Work, step: str) -> None:
    with work.bridge.database.write() as conn:
        now = work.bridge.database.now(conn)
        release(conn, site, lease_of(work.site), next_run_at=now)
        reconcile_runs.change(conn, work.run.id, step=step)
        crashpoint("reconcile.going_on")
    crashpoint("reconcile.gone_on")


def _end(work: Work) -> None:
    with work.bridge.database.write() as conn:
        now = work.bridge.database.now(conn)
        release(
            conn,
            site,
            lease_of(work.site),
            next_run_at=now + work.bridge.settings.reconcile,
            tries=0,
        )
        told = differences.counts(conn, site_id=work.site.id, run_id=work.run.id)
        reconcile_runs.change(conn, work.run.id, step=None, ended_at=now, counts=told)
        reconcile_runs.forget(conn, work.site.id, before=now - RUNS_KEPT)
        settled = unsure.is_settled(conn, work.site, work.run, work.bridge.settings)
        if settled:
            why, who = f"{work.run.id} found nothing amiss", work.run.who
            restored.send_again(conn, work.site.id, who=who, why=why, now=now)
        crashpoint("reconcile.ending")
    crashpoint("reconcile.ended")
    for bell in ("issue", "write_back") if settled else ():
        work.bridge.ring(bell)
    log.info("reconciled", site=work.site.name, run_id=work.run.id, **told["open"])


def _put_off(bridge: Bridge, row: sa.Row[Any], _name: str) -> None:
    """A bug outside of any comparison: the site is looked at again later."""
    with bridge.database.write() as conn:
        later = bridge.database.now(conn) + bridge.settings.reconcile
        release(conn, site, lease_of(row), next_run_at=later, tries=row.tries + 1)
