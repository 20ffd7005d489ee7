"""How a write-back ends: it stands there, a person's does, it vanished, it is refused or waits.

Each gives the rows back; those that are somebody else's by now are left to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import causes, trail
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.looks import next_look
from bridge.pipeline.parts import parts
from bridge.store import events
from bridge.store.states import LOOKED_AT, WriteBackState
from bridge.store.tables import write_back
from bridge.store.troubles import MENDED, troubled
from connectors.base import Receipt, ReceiptState
from runtime.crashpoint import crashpoint
from runtime.lease import LeaseLost, give_back, give_back_all, woken

NAME = "write_back"
#: Rows to a commit, and of those that one statement changes.
TOGETHER, ALIKE = 25, 100
#: How often a text that the LMS took and does not show is written anew.
MOST_WRITES = 3
#: A course without a place for certificates is looked at again this often.
WAITING = timedelta(hours=6)

#: What a receipt without a code of its own is grouped under.
_CODES = {ReceiptState.WAITING: "no_place", ReceiptState.REFUSED: "refused"}
_STATES = {
    ReceiptState.WAITING: WriteBackState.WAITING,
    ReceiptState.REFUSED: WriteBackState.REFUSED,
}

log = structlog.get_logger()

#: Claimed rows, with what was saved of them since.
Rows = Sequence[Any]


def stand(bridge: Bridge, rows: Rows) -> None:
    """The gradebook says what was written last."""
    known = [row for row in rows if row.state == WriteBackState.READ_BACK and row.cause is None]
    news = [row for row in rows if row.state != WriteBackState.READ_BACK or row.cause is not None]
    _all(bridge, known, read_back_at=True)
    _each(bridge, news, _stands)
    if news:
        with bridge.database.read() as conn:
            told = trail.of_write_backs(conn, [row.id for row in news])
        log.info("written_back", rows=len(news), **told)


def untold(bridge: Bridge, rows: Rows) -> None:
    """The LMS does not tell what it says: nothing is concluded from that."""
    known = [row for row in rows if row.state in LOOKED_AT]
    _all(bridge, known, read_back_at=False)
    _each(bridge, [row for row in rows if row.state not in LOOKED_AT], _untold)


def overridden(bridge: Bridge, rows: Rows) -> None:
    """A person graded there or wrote: they are not fought over it."""
    _each(bridge, rows, _overridden)


def lost(bridge: Bridge, rows: Rows) -> None:
    """It was written anew once and vanished again: a person finds out why."""
    _each(bridge, rows, _lost)


def not_shown(bridge: Bridge, rows: Rows) -> None:
    """The LMS said yes, and the text is not there: a locked item, an unreleased workflow."""
    _each(bridge, rows, _not_shown)


def settle(
    bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], receipt: Receipt, *, now: datetime
) -> None:
    """It was not written, and will not be until a person changes something. Raises LeaseLost."""
    if receipt.state is ReceiptState.OVERRIDDEN:
        _overridden(bridge, conn, row, now)
        return
    state = _STATES[receipt.state]
    said = troubled(
        row,
        cause=causes.cause(NAME, receipt.code or _CODES[receipt.state]),
        problem=receipt.problem or "The LMS does not take it, and does not say why.",
        remedy=receipt.remedy,
        now=now,
    )
    at = now + WAITING if state is WriteBackState.WAITING else None
    # Nothing was written that could be looked for.
    _end(conn, row, state, at=at, now=now, said=said, text=None, digest=None)


def stop(
    conn: sa.Connection,
    row: sa.Row[Any],
    *,
    cause: str,
    problem: str,
    remedy: str,
    now: datetime,
) -> None:
    """A person mends something first. Raises LeaseLost."""
    then = f"{remedy} Then `vaultbridge replay {row.id}`."
    said = troubled(row, cause=cause, problem=problem, remedy=then, now=now)
    _end(conn, row, WriteBackState.REFUSED, at=None, now=now, said=said)


def _all(bridge: Bridge, rows: Rows, *, read_back_at: bool) -> None:
    """They stay what they are, and are looked at again."""
    every = bridge.settings.gradebook_look
    for part in parts(rows, ALIKE):
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            due = [(row, next_look(row, every=every, now=now)) for row in part]
            values = {"read_back_at": now} if read_back_at else {}
            give_back_all(conn, write_back, due, tries=0, **values)
            crashpoint("write_back.keeping")
        crashpoint("write_back.kept")


_One = Callable[[Bridge, sa.Connection, sa.Row[Any], datetime], None]


def _each(bridge: Bridge, rows: Rows, end: _One) -> None:
    for part in parts(rows, TOGETHER):
        with bridge.database.write() as conn:
            now = bridge.database.now(conn)
            for row in part:
                with suppress(LeaseLost):
                    end(bridge, conn, row, now)
            crashpoint("write_back.ending")
        crashpoint("write_back.ended")


def _stands(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], now: datetime) -> None:
    at = next_look(row, every=bridge.settings.gradebook_look, now=now)
    values = {"shown": row.text, "read_back_at": now}
    _end(conn, row, WriteBackState.READ_BACK, at=at, now=now, said=MENDED, **values)


def _untold(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], now: datetime) -> None:
    at = next_look(row, every=bridge.settings.gradebook_look, now=now)
    seen = row.text is not None and row.text == row.shown
    state = WriteBackState.READ_BACK if seen else WriteBackState.WRITTEN
    _end(conn, row, state, at=at, now=now, said=MENDED)


def _overridden(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], now: datetime) -> None:
    _a_persons(
        bridge,
        conn,
        row,
        WriteBackState.OVERRIDDEN,
        problem="A person has graded it, or changed what it says: it is left alone.",
        remedy="Nothing, if that was meant. To have the certificate told there again, clear the "
        f"cell in the LMS, then `vaultbridge replay {row.id}`.",
        now=now,
    )


def _lost(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], now: datetime) -> None:
    _a_persons(
        bridge,
        conn,
        row,
        WriteBackState.LOST,
        problem="The gradebook no longer says it: it was written anew once, and vanished again.",
        remedy="See what takes it away (a course that is reset or restored, another program), then "
        f"`vaultbridge replay {row.id}`.",
        now=now,
    )


def _a_persons(
    bridge: Bridge,
    conn: sa.Connection,
    row: sa.Row[Any],
    state: WriteBackState,
    *,
    problem: str,
    remedy: str,
    now: datetime,
) -> None:
    """A person decides what becomes of it; meanwhile it is looked at."""
    cause = causes.cause(NAME, state.value)
    said = troubled(row, cause=cause, problem=problem, remedy=remedy, now=now)
    at = next_look(row, every=bridge.settings.gradebook_look, now=now)
    _end(conn, row, state, at=at, now=now, said=said)


def _not_shown(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any], now: datetime) -> None:
    tries = row.tries + 1
    final = tries >= MOST_WRITES
    said = troubled(
        row,
        cause=causes.cause(NAME, "not_shown"),
        problem="The LMS took the text, but the gradebook does not show it.",
        remedy="Look whether the grade item is locked or hidden, or its marking workflow not "
        f"released; then `vaultbridge replay {row.id}`.",
        now=now,
    )
    state = WriteBackState.REFUSED if final else WriteBackState.WRITTEN
    at = None if final else now + bridge.backoff.wait(tries)
    _end(conn, row, state, at=at, now=now, said=said, tries=tries)
    events.record(conn, row.id, "taken, but not shown", at=now)


def _end(
    conn: sa.Connection,
    row: sa.Row[Any],
    state: WriteBackState,
    *,
    at: datetime | None,
    now: datetime,
    said: Any,
    tries: int = 0,
    **values: Any,
) -> None:
    then: Any = state
    if state in LOOKED_AT:
        # What must be told has changed meanwhile: looking is not enough.
        then = sa.case((woken(write_back, row), WriteBackState.DUE.value), else_=state.value)
    give_back(conn, write_back, row, next_run_at=at, state=then, tries=tries, **values, **said)
    if row.state != state:
        what = state.value.replace("_", " ")
        events.record(conn, row.id, what, at=now, detail=said["problem"])
