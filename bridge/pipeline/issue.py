"""Send issuances to their vaults, each once: one alone singly, many together in bulk.

An attempt without an outcome is ambiguous for ever, whoever finds it: then the vault is asked,
after a quiet period and twice, before anything is sent again (see `bridge.pipeline.adopt`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import account as accounts
from bridge.pipeline import adopt, bulk, endings, files, single
from bridge.pipeline.account import Account
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug
from bridge.pipeline.guard import poisoned
from bridge.store import issuances, restored
from bridge.store.gates import Way
from bridge.store.states import IssuanceState
from bridge.store.tables import issuance
from runtime.crashpoint import crashpoint
from runtime.keys import KeyProblem
from runtime.lease import claim

#: Of what was tried before, so much at most is taken up at once, beside what is new.
TRIED_BEFORE = 50
MOST_BUG_TRIES = 3
#: The operations that may have made a certificate.
SENDING = ("upload", "bulk")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is to be done with the issuances of one issuer."""

    unsure: list[tuple[sa.Row[Any], datetime]] = field(default_factory=list)
    look: list[tuple[sa.Row[Any], list[sa.Row[Any]]]] = field(default_factory=list)
    bulk: list[sa.Row[Any]] = field(default_factory=list)
    singly: list[sa.Row[Any]] = field(default_factory=list)


def run(bridge: Bridge) -> bool:
    """Work on a batch of each issuer's issuances that are due; say whether there may be more."""
    having_work = partial(accounts.having, bridge, issuances.sendable)
    return bridge.sides[endings.ISSUE].run(having_work, partial(_batch, bridge))


def _batch(bridge: Bridge, issuer_id: str) -> None:
    rows = _claim(bridge, issuer_id)
    if rows:
        crashpoint("issue.claimed")
        with poisoned(endings.ISSUE, issuer_id, partial(_apart, bridge, rows)):
            _issuer(bridge, issuer_id, rows)
        bridge.ring("follow")


def _claim(bridge: Bridge, issuer_id: str) -> list[sa.Row[Any]]:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        theirs = sa.and_(issuances.sendable(now), issuance.c.issuer_id == issuer_id)
        new, tried = issuances.fresh(), sa.not_(issuances.fresh())
        rows: list[sa.Row[Any]] = []
        for which, limit in ((new, bridge.settings.bulk_chunk), (tried, TRIED_BEFORE)):
            rows += claim(
                conn,
                issuance,
                where=sa.and_(theirs, which),
                owner=bridge.owner,
                now=now,
                lease=bridge.settings.lease,
                limit=limit,
            )
    return rows


def _apart(bridge: Bridge, rows: Sequence[sa.Row[Any]], _name: str) -> None:
    """One of them spoils the batch: each by itself, as it stands now."""
    for row in rows:
        with bridge.database.read() as conn:
            fresh = issuances.by_id(conn, row.id)
        if fresh is not None and (fresh.lease_owner, fresh.fence) == (row.lease_owner, row.fence):
            with poisoned(endings.ISSUE, row.id, partial(_move_on, bridge, fresh), about=row):
                _issuer(bridge, row.issuer_id, [fresh])


def _issuer(bridge: Bridge, issuer_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    try:
        account = accounts.of(bridge, issuer_id)
    except KeyProblem:
        accounts.give_back(bridge, rows)
        return
    now_ours = {Way.OPEN: len(rows), Way.PROBE: 1, Way.SHUT: 0}[account.way]
    if rows[now_ours:]:
        accounts.give_back(bridge, rows[now_ours:])
    plan = _plan(bridge, rows[:now_ours])
    # Before the looks: a list that does not answer holds up nothing that is new.
    _send(bridge, account, plan)
    for row, since in plan.unsure:
        with _asking(bridge, account, row) as may_ask:
            if may_ask:
                adopt.look_while_unsure(bridge, account, row, since=since)
    for row, past in plan.look:
        with _asking(bridge, account, row) as may_ask:
            if may_ask:
                adopt.look_first(bridge, account, row, past)


@contextmanager
def _asking(bridge: Bridge, account: Account, row: sa.Row[Any]) -> Iterator[bool]:
    """Say whether the vault may be asked about a row; give the row back if not."""
    if not account.usable:
        accounts.give_back(bridge, [row])
    with poisoned(endings.ISSUE, row.id, partial(_move_on, bridge, row), about=row):
        yield account.usable


def _plan(bridge: Bridge, rows: Sequence[sa.Row[Any]]) -> _Plan:
    with bridge.database.read() as conn:
        made = issuances.attempts_of(conn, [row.id for row in rows])
        unsure = restored.unsure_since(conn, {row.site_id for row in rows})
    plan = _Plan()
    for row in rows:
        if row.site_id in unsure:
            plan.unsure.append((row, unsure[row.site_id]))
            continue
        past = [
            a for a in made[row.id] if a.operation in SENDING and a.natural_key == row.natural_key
        ]
        if adopt.must_look(row, past):
            plan.look.append((row, past))
        elif bridge.settings.bulk_chunk == 1 or bulk.goes_singly(past):
            plan.singly.append(row)
        else:
            plan.bulk.append(row)
    return plan


def _send(bridge: Bridge, account: Account, plan: _Plan) -> None:
    singly = list(plan.singly)
    left: list[files.Ready] = []
    if len(plan.bulk) > 1:
        left = bulk.send(bridge, account, plan.bulk)
    else:
        singly += plan.bulk
    for group in files.ready(bridge, singly, account.issuer):
        left += group
    for ready in left:
        if not account.usable:
            accounts.give_back(bridge, [ready.row])
            continue
        move_on = partial(_move_on, bridge, ready.row)
        with poisoned(endings.ISSUE, ready.row.id, move_on, about=ready.row):
            single.send(bridge, account, ready)


def _move_on(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    problem = f"Sending it failed with {name}, which is a fault in the program."
    remedy = "Report it with the log's trace; after an upgrade, `vaultbridge replay` it."
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        cause = bug(endings.ISSUE, name)
        if row.tries + 1 < MOST_BUG_TRIES:
            endings.again(bridge, conn, row, problem, cause=cause, now=now)
        else:
            held = IssuanceState.HELD
            endings.stop(conn, row, held, cause=cause, problem=problem, remedy=remedy, now=now)
