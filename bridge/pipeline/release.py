"""A person's decision about certificates that wait together: released, or discarded.

Small committed steps: one that was interrupted is ended by the same command, and means the same
certificates then, as nothing joins a hold that is decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import sqlalchemy as sa

from bridge.pipeline import holding
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.parts import parts
from bridge.store import events, holds, issuances
from bridge.store.states import HoldOutcome
from bridge.store.troubles import troubled
from runtime.crashpoint import crashpoint

#: Rows a commit: few enough that workers and webhooks never wait for one.
BATCH = 100


class DecidedOtherwise(Exception):
    """A person has decided about the whole hold before, and not so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person says of a hold."""

    outcome: HoldOutcome
    who: str
    reason: str | None = None

    @property
    def told(self) -> str:
        """The same in a sentence, for those it is about."""
        said = f"A person ({self.who}) has {self.outcome} it."
        return f"{said} {self.reason}" if self.reason else said


def decide(
    bridge: Bridge, hold_id: str, word: Word, *, ids: Sequence[str] = ()
) -> Iterator[Sequence[str]]:
    """Carry a decision out for all that wait, or for ``ids`` alone; yield who they were, by parts.

    Once nothing waits the hold is closed. Raises NotThere, and DecidedOtherwise.
    """
    _begin(bridge, hold_id, word, ids)
    for chunk in _chunks(bridge, hold_id, ids):
        yield _batch(bridge, hold_id, word, chunk)
        bridge.ring("issue")
    if ids:
        _end(bridge, hold_id, word)


def _begin(bridge: Bridge, hold_id: str, word: Word, ids: Sequence[str]) -> None:
    with bridge.database.write() as conn:
        hold = holds.by_id(conn, hold_id, lock=True)
        if hold.outcome not in (None, word.outcome):
            raise DecidedOtherwise(
                f"{hold_id} was {hold.outcome} as a whole by {hold.closed_by} on "
                f"{hold.closed_at:%Y-%m-%d %H:%M} UTC."
            )
        if hold.closed_at is None:
            note = partial(_note_part, ids=ids) if ids else _close
            note(conn, hold_id, word, now=bridge.database.now(conn))
        crashpoint("release.beginning")
    crashpoint("release.begun")


def _close(
    conn: sa.Connection, hold_id: str, word: Word, *, now: datetime, act: bool = True
) -> None:
    holds.close(conn, hold_id, word.outcome, who=word.who, reason=word.reason, now=now)
    after = {"outcome": word.outcome.value}
    events.record(
        conn,
        hold_id,
        word.outcome,
        at=now,
        who=word.who,
        detail=word.reason,
        after=after,
        act=act,
    )


def _note_part(
    conn: sa.Connection, hold_id: str, word: Word, ids: Sequence[str], *, now: datetime
) -> None:
    after = {"certificates": sorted(set(ids))}
    what = f"{word.outcome} in part"
    events.record(conn, hold_id, what, at=now, who=word.who, detail=word.reason, after=after)


def _chunks(bridge: Bridge, hold_id: str, ids: Sequence[str]) -> Iterator[Sequence[str]]:
    if ids:
        yield from parts(sorted(set(ids)), BATCH)
        return
    after = ""
    while True:
        with bridge.database.read() as conn:
            rows = holds.members(conn, hold_id, after=after, limit=BATCH)
        if not rows:
            return
        after = rows[-1].id
        yield [row.id for row in rows]


def _batch(bridge: Bridge, hold_id: str, word: Word, ids: Sequence[str]) -> Sequence[str]:
    with bridge.database.write() as conn:
        # As whoever joins it does: first the hold, then what waits in it.
        holds.by_id(conn, hold_id, lock=True)
        now = bridge.database.now(conn)
        done = _carry_out(conn, hold_id, word, ids, now=now)
        if done:
            holds.count(conn, hold_id, word.outcome, len(done))
        crashpoint("release.deciding")
    crashpoint("release.decided")
    return done


def _carry_out(
    conn: sa.Connection, hold_id: str, word: Word, ids: Sequence[str], *, now: datetime
) -> Sequence[str]:
    detail = " · ".join(filter(None, [word.reason, hold_id]))
    if word.outcome is HoldOutcome.RELEASED:
        rows = holds.release(conn, hold_id, ids, now=now)
        changed = [row.id for row in rows]
    else:
        remedy = "Nothing, if that was meant; otherwise `vaultbridge replay` it."
        said = troubled(None, cause=holding.DISCARDED, problem=word.told, remedy=remedy, now=now)
        rows = holds.discard(conn, hold_id, ids, said=said, now=now)
        changed = [one for row in rows for one in (row.id, row.completion_id)]
    for row_id in changed:
        events.record(conn, row_id, word.outcome, at=now, who=word.who, detail=detail, act=False)
    return [row.id for row in rows]


def _end(bridge: Bridge, hold_id: str, word: Word) -> None:
    """Close it, if none is left of which nothing was said."""
    with bridge.database.write() as conn:
        hold = holds.by_id(conn, hold_id, lock=True)
        if hold.closed_at is None and not holds.waiting_in(conn, hold_id):
            _close(conn, hold_id, word, now=bridge.database.now(conn), act=False)
        crashpoint("release.ending")
    crashpoint("release.ended")


def not_about(
    conn: sa.Connection, hold_id: str, word: Word, ids: Sequence[str]
) -> Mapping[str, str]:
    """Of those that were named, which the decision is not about, and why."""
    told: dict[str, str] = {}
    for row_id in ids:
        row = issuances.by_id(conn, row_id)
        if row is None or row.hold_id != hold_id:
            told[row_id] = f"It is no certificate of {hold_id}."
        elif (row.released_at is not None) != (word.outcome is HoldOutcome.RELEASED):
            told[row_id] = f"Another decision was made before: it is {row.state}."
    return told
