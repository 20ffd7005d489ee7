"""A person's replay: rows set going again after their cause is mended. What is done stays done.

A replay is a row of its own, worked off in small committed steps: one that was interrupted goes on
where it stopped, and two at once do no harm, as each row is looked at as it stands. Whoever begins
one may work it off; a worker goes on with what nobody works off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import holding, replacing
from bridge.pipeline import selection as selections
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.guard import poisoned
from bridge.pipeline.mapped import ORIGINAL
from bridge.pipeline.parts import parts
from bridge.pipeline.replay_plan import Act, Planned, plan
from bridge.pipeline.selection import Selection
from bridge.store import events, issuances, replays, revocations, tables, write_backs
from bridge.store.states import CompletionState, DeliveryState, IssuanceState, RevocationState
from bridge.store.tables import completion, delivery, issuance, issuer, revocation, write_back
from bridge.store.troubles import MENDED
from runtime.crashpoint import crashpoint
from runtime.lease import claim, due, lease_of, release

#: Which mappings a replay maps with: the active ones, or the versions an issuance was mapped with.
CURRENT = "current"
MAPPINGS = (CURRENT, ORIGINAL)
#: Rows a commit: few enough that workers and webhooks never wait for one.
BATCH = 100
STEP = "replay"
#: A worker goes on with one replay for so long, then with the next.
SLICE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay did with one id."""

    id: str
    going: bool  #: whether it is on its way again
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a replay has come, and what it did since it last said so."""

    replay_id: str
    selected: int
    going: int
    unchanged: int
    results: Sequence[Replayed]


def begin(
    bridge: Bridge,
    selection: Selection,
    *,
    who: str,
    reason: str | None = None,
    mapping: str = CURRENT,
    noting: Callable[[sa.Connection, str], None] | None = None,
    by_worker: bool = False,
) -> str:
    """Write a replay down; return its id. Raises NotThere for a site.

    `proceed` works it off: the caller's, or, ``by_worker``, a worker's. ``noting`` is called with
    that id in the same transaction.
    """
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if selection.ids:
            selection = Selection(ids=selections.expand(conn, selection.ids))
        selected = len(selections.select(conn, selection, now=now))
        row_id = replays.add(
            conn,
            who=who,
            reason=reason,
            selection=selection.packed(),
            mapping=mapping,
            selected=selected,
            now=now,
            next_run_at=now if by_worker else now + bridge.settings.lease,
        )
        asked = {**selection.packed(), "mapping": mapping, "rows": selected}
        events.record(conn, row_id, "replay begun", at=now, who=who, detail=reason, after=asked)
        if noting is not None:
            noting(conn, row_id)
        crashpoint("replay.beginning")
    crashpoint("replay.begun")
    if by_worker:
        bridge.ring("reconcile")
    return row_id


def run(bridge: Bridge) -> bool:
    """Go on for a while with a replay that nobody works off; say whether there may be more."""
    table = tables.replay
    with bridge.database.read() as conn:
        waits = sa.exists().where(replays.unfinished(), due(table, bridge.database.now(conn)))
        if not conn.execute(sa.select(waits)).scalar_one():
            return False
    with bridge.database.write() as conn:
        claimed = claim(
            conn,
            table,
            where=replays.unfinished(),
            owner=bridge.owner,
            now=bridge.database.now(conn),
            lease=bridge.settings.lease,
            limit=1,
        )
    for row in claimed:
        crashpoint("replay.claimed")
        with poisoned(STEP, row.id, partial(_put_off, bridge, row)):
            _go_on(bridge, row)
    return bool(claimed)


def _go_on(bridge: Bridge, claimed: sa.Row[Any]) -> None:
    until = time.monotonic() + SLICE_S
    for progress in proceed(bridge, claimed.id):
        if progress.results and time.monotonic() >= until:
            break
    else:
        _put_off(bridge, claimed)  # it has ended, or somebody else goes on with it
        return
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        release(conn, tables.replay, lease_of(claimed), next_run_at=now, tries=0)


def _put_off(bridge: Bridge, claimed: sa.Row[Any], _bug: str | None = None) -> None:
    """Give it back; if it has not ended, it is looked at again when a lease would be over."""
    with bridge.database.write() as conn:
        later = bridge.database.now(conn) + bridge.settings.lease
        ended = replays.by_id(conn, claimed.id).ended_at is not None
        release(conn, tables.replay, lease_of(claimed), next_run_at=None if ended else later)


def leave(bridge: Bridge, replay_id: str) -> None:
    """Stop on purpose: no worker goes on with it; `proceed` may."""
    with bridge.database.write() as conn:
        replays.leave(conn, replay_id)


def proceed(bridge: Bridge, replay_id: str) -> Iterator[Progress]:
    """Work a replay off, or go on with one, a committed batch at a time; raises NotThere.

    The last progress has no results: then it is at its end, or somebody else is going on with it.
    """
    with bridge.database.read() as conn:
        row = replays.by_id(conn, replay_id)
        meant = selections.unpacked(row.selection)
        ids = selections.select(conn, meant, now=row.started_at)
    left = [row_id for row_id in ids if row.cursor is None or row_id > row.cursor]
    for chunk in parts(left, BATCH):
        results = _batch(bridge, row, chunk)
        if results is None:
            break
        with bridge.database.read() as conn:
            row = replays.by_id(conn, replay_id)
        yield _progress(row, results)
    else:
        _end(bridge, row)
    yield _progress(row, ())


def _progress(row: sa.Row[Any], results: Sequence[Replayed]) -> Progress:
    return Progress(
        replay_id=row.id,
        selected=row.selected,
        going=row.going,
        unchanged=row.unchanged,
        results=results,
    )


class _Elsewhere(Exception):
    """Somebody else went on with this replay: nothing of this batch is kept."""


def _batch(bridge: Bridge, row: sa.Row[Any], ids: Sequence[str]) -> Sequence[Replayed] | None:
    try:
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            results = _written(conn, row, ids, now=now, again=now + bridge.settings.lease)
            crashpoint("replay.setting_going")
    except _Elsewhere:
        return None
    crashpoint("replay.set_going")
    for bell in ("normalise", "issue", "follow", "write_back"):
        bridge.ring(bell)
    return results


def _written(
    conn: sa.Connection, row: sa.Row[Any], ids: Sequence[str], *, now: datetime, again: datetime
) -> Sequence[Replayed]:
    planned = plan(conn, ids, mapping=row.mapping, now=now)
    results = [_carry_out(conn, each, mapping=row.mapping, now=now) for each in planned]
    detail = " · ".join(filter(None, [row.reason, row.id]))
    for each in results:
        if each.going:
            events.record(conn, each.id, "replayed", at=now, who=row.who, detail=detail, act=False)
    going = sum(each.going for each in results)
    unchanged = len(results) - going
    if not replays.advance(
        conn,
        row,
        cursor=ids[-1],
        going=going,
        unchanged=unchanged,
        now=now,
        next_run_at=again,
    ):
        raise _Elsewhere
    return results


def _end(bridge: Bridge, row: sa.Row[Any]) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        if replays.end(conn, row.id, now=now):
            said = f"{row.going} going again, {row.unchanged} unchanged"
            events.record(conn, row.id, "replay ended", at=now, who=row.who, detail=said, act=False)
        crashpoint("replay.ending")
    crashpoint("replay.ended")


def replay(bridge: Bridge, row_id: str, *, who: str, reason: str | None = None) -> Replayed:
    """Set one delivery, completion, issuance or write-back going again; raises nothing.

    Safe to repeat. What is issued already is not touched, and the answer says so. A row that stands
    for others, such as a delivery that was read, is going if one of those is.
    """
    if not selections.is_replayable(row_id):
        return not_an_id(row_id)
    replay_id = begin(bridge, Selection(ids=(row_id,)), who=who, reason=reason)
    results = [result for step in proceed(bridge, replay_id) for result in step.results]
    return max(results, key=lambda result: result.going)


def not_an_id(given: str) -> Replayed:
    """What is said of something that can be no row's id."""
    said = "This is not the id of a delivery, completion, issuance, revocation or write-back."
    return Replayed(id=given, going=False, said=said)


def _carry_out(conn: sa.Connection, planned: Planned, *, mapping: str, now: datetime) -> Replayed:
    """Do it, unless somebody else changed the row or works on it by now."""
    if planned.act is Act.NOTHING:
        return Replayed(id=planned.id, going=False, said=planned.said)
    try:
        table, row_id, values = _change(conn, planned, mapping=mapping, now=now)
    except replacing.Collides as exc:
        return Replayed(id=planned.id, going=False, said=str(exc))
    free = sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= now)
    where = [table.c.id == row_id, free]
    if planned.row is not None and planned.row.id == row_id:
        where.append(table.c.state == planned.row.state)
    afresh = {"next_run_at": now, "lease_until": None, "tries": 0, **values}
    going = conn.execute(sa.update(table).where(*where).values(**afresh)).rowcount == 1
    if going and planned.act is Act.MAP and planned.row is not None:
        issuances.take_back(conn, planned.row, cause=holding.DISCARDED)
    said = planned.said if going else "Somebody else set it going just now."
    return Replayed(id=planned.id, going=going, said=said)


def _change(
    conn: sa.Connection, planned: Planned, *, mapping: str, now: datetime
) -> tuple[sa.Table, str, Mapping[str, Any]]:
    match planned.act:
        case Act.CORRECT if planned.row is not None:
            return issuance, planned.id, replacing.again(conn, planned.row, now=now)
        case Act.REVOKE:
            return revocation, planned.id, {"state": RevocationState.DUE}
        case Act.READ:
            return delivery, planned.id, {"state": DeliveryState.WAITING}
        case Act.MAP:
            # A person wants this one, also where it is older than what the site issues by itself.
            wanted = {"asked": True, "map_with": ORIGINAL if mapping == ORIGINAL else None}
            found = {"state": CompletionState.FOUND, **wanted}
            return completion, str(planned.completion_id), found
        case Act.RETRY:
            again = {"state": IssuanceState.PROCESSING, "vault_retries": 0, "updated_at": now}
            return issuance, planned.id, again
        case Act.PRINT:
            return issuance, planned.id, {"updated_at": now}
        case Act.ASK:
            asked = {"state": IssuanceState.SENDING, "looks": 0, "updated_at": now}
            return issuance, planned.id, asked
        case _:
            state = planned.row.state if planned.row is not None else ""
            return write_back, planned.id, write_backs.afresh(state)


def resume_issuer(bridge: Bridge, issuer_id: str, *, who: str, act: bool = True) -> None:
    """The vault takes our token again: what waited for that goes on now.

    ``act`` is false where it follows from another act of the person.
    """
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        conn.execute(
            sa.update(issuer).where(issuer.c.id == issuer_id).values(paused_at=None, **MENDED)
        )
        conn.execute(
            sa.update(issuance)
            .where(
                issuance.c.issuer_id == issuer_id,
                issuance.c.state.in_(
                    [IssuanceState.READY, IssuanceState.SENDING, IssuanceState.PROCESSING]
                ),
                issuance.c.lease_until.is_(None),
            )
            .values(next_run_at=now, tries=0)
        )
        revocations.wake(conn, issuer_id, now=now)
        events.record(conn, issuer_id, "resumed", at=now, who=who, act=act)
        crashpoint("replay.resuming")
    crashpoint("replay.resumed")
    bridge.ring("issue")
    bridge.ring("follow")
