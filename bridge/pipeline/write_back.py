"""Tell the gradebook: once when final, again only on a real change, read back each time.

Each write mails the learner. So the text is written down before it is sent, and a write whose end
nobody saw is read back before it is written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import by_site, causes, gradebook_text
from bridge.pipeline.bridge import Bridge
from bridge.store import events, links, write_backs
from bridge.store.states import WriteBackState
from bridge.store.tables import write_back
from bridge.store.troubles import MENDED, troubled
from connectors.base import (
    Capability,
    Connector,
    GradebookRow,
    Receipt,
    ReceiptState,
)
from runtime.crashpoint import crashpoint
from runtime.lease import LeaseLost, give_back, lease_of, save

NAME = "write_back"
BATCH = 100
#: How often a text that the LMS took and does not show is written anew.
MOST_WRITES = 3
#: A course without a place for certificates is looked at again this often.
WAITING = timedelta(hours=6)

#: What a receipt without a code of its own is grouped under.
_CODES = {ReceiptState.WAITING: "no_place", ReceiptState.REFUSED: "refused"}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A claimed row, and what must stand in the gradebook."""

    row: sa.Row[Any]
    wanted: GradebookRow
    digest: str


def run(bridge: Bridge) -> bool:
    """Write what is due, a batch a site; say whether there may be more."""
    return by_site.run(bridge, STEP)


def _work(
    bridge: Bridge, site: sa.Row[Any], connector: Connector[Any], rows: Sequence[sa.Row[Any]]
) -> None:
    crashpoint("write_back.claimed")
    with bridge.database.read() as conn:
        work = _composed(bridge, conn, rows)
    if Capability.WRITE_BACK in connector.capabilities():
        _write(bridge, connector, work)
    else:
        _refuse_all(bridge, work, site.connector)


def _composed(bridge: Bridge, conn: sa.Connection, rows: Sequence[sa.Row[Any]]) -> Sequence[_Work]:
    told = write_backs.certificates(conn, [row.id for row in rows])
    live = links.of_issuances(conn, [each.id for found in told.values() for each in found])
    urls = {issuance_id: bridge.links.url(link_id) for issuance_id, link_id in live.items()}
    return [_compose(row, told.get(row.id, ()), urls) for row in rows]


def _compose(row: sa.Row[Any], found: Sequence[sa.Row[Any]], urls: Mapping[str, str]) -> _Work:
    wanted = gradebook_text.compose(
        found,
        links=urls,
        course_id=row.course_id,
        learner_id=row.learner_id,
        revision=row.revision + 1,
    )
    return _Work(row=row, wanted=wanted, digest=gradebook_text.digest(wanted))


def _write(bridge: Bridge, connector: Connector[Any], work: Sequence[_Work]) -> None:
    unsure = [w for w in work if w.row.text and w.row.state != WriteBackState.READ_BACK]
    seen = _seen(connector, unsure)
    standing = [w for w in unsure if seen[w.row.id] == w.row.text and w.digest == w.row.digest]
    told = [w for w in work if w.row.state == WriteBackState.READ_BACK and w.digest == w.row.digest]
    _confirm(bridge, [*standing, *told])
    rest = [w for w in work if w not in standing and w not in told]
    if not rest:
        return
    held = _intend(bridge, rest)
    crashpoint("write_back.intended")
    receipts = connector.write_back([w.wanted for w in held]) if held else []
    crashpoint("write_back.sent")
    written = _receipts(bridge, held, receipts)
    crashpoint("write_back.noted")
    if written:
        _read_back(bridge, connector, written)


def _seen(connector: Connector[Any], work: Sequence[_Work]) -> dict[str, str | None]:
    if not work:
        return {}
    texts = connector.read_back([w.wanted for w in work])
    return {w.row.id: text for w, text in zip(work, texts, strict=True)}


def _intend(bridge: Bridge, work: Iterable[_Work]) -> list[_Work]:
    """Write the texts down before they are sent; return those that are still ours to send."""
    held = []
    with bridge.database.write() as conn:
        for w in work:
            with suppress(LeaseLost):
                save(
                    conn,
                    write_back,
                    lease_of(w.row),
                    state=WriteBackState.WRITING,
                    text=w.wanted.as_html(),
                    digest=w.digest,
                    revision=w.wanted.revision,
                )
                held.append(w)
        crashpoint("write_back.intending")
    return held


def _receipts(
    bridge: Bridge, work: Sequence[_Work], receipts: Sequence[Receipt]
) -> list[tuple[_Work, Receipt]]:
    """Settle what was not written; return what was, to be read back."""
    written = []
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for w, receipt in zip(work, receipts, strict=True):
            with suppress(LeaseLost):
                if receipt.state is ReceiptState.WRITTEN:
                    save(conn, write_back, lease_of(w.row), text=receipt.text, written_at=now)
                    written.append((w, receipt))
                elif receipt.state is ReceiptState.WAITING:
                    _settle(conn, w, WriteBackState.WAITING, receipt, now=now)
                else:
                    _settle(conn, w, WriteBackState.REFUSED, receipt, now=now)
        crashpoint("write_back.noting")
    return written


def _read_back(
    bridge: Bridge, connector: Connector[Any], written: Sequence[tuple[_Work, Receipt]]
) -> None:
    work = [w for w, _ in written]
    seen = _seen(connector, work)
    crashpoint("write_back.seen")
    _confirm(bridge, [w for w, receipt in written if seen[w.row.id] == receipt.text])
    for w, receipt in written:
        if seen[w.row.id] != receipt.text:
            _not_there(bridge, w)


def _not_there(bridge: Bridge, w: _Work) -> None:
    """The LMS said yes, and the text is not there: a locked item, an unreleased workflow."""
    tries = w.row.tries + 1
    final = tries >= MOST_WRITES
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        with suppress(LeaseLost):
            give_back(
                conn,
                write_back,
                w.row,
                next_run_at=None if final else now + bridge.backoff.wait(tries),
                state=WriteBackState.REFUSED if final else WriteBackState.DUE,
                tries=tries,
                **troubled(
                    w.row,
                    cause=causes.cause(NAME, "not_shown"),
                    problem="The LMS took the text, but the gradebook does not show it.",
                    remedy="Look whether the grade item is locked or hidden, or its marking "
                    f"workflow not released; then `vaultbridge replay {w.row.id}`.",
                    now=now,
                ),
            )
            events.record(conn, w.row.id, "taken, but not shown", at=now)


def _confirm(bridge: Bridge, work: Sequence[_Work]) -> None:
    if not work:
        return
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for w in work:
            with suppress(LeaseLost):
                give_back(
                    conn,
                    write_back,
                    w.row,
                    next_run_at=None,
                    state=WriteBackState.READ_BACK,
                    read_back_at=now,
                    tries=0,
                    **MENDED,
                )
                events.record(conn, w.row.id, "read back", at=now)
        crashpoint("write_back.confirming")
    crashpoint("write_back.confirmed")
    log.info("written_back", rows=len(work))


def _settle(
    conn: sa.Connection, w: _Work, state: WriteBackState, receipt: Receipt, *, now: datetime
) -> None:
    """It was not written, and will not be until a person changes something."""
    give_back(
        conn,
        write_back,
        w.row,
        next_run_at=now + WAITING if state is WriteBackState.WAITING else None,
        state=state,
        text=None,  # nothing was written that could be read back
        tries=0,
        **troubled(
            w.row,
            cause=causes.cause(NAME, receipt.code or _CODES[receipt.state]),
            problem=receipt.problem or "The LMS does not take it, and does not say why.",
            remedy=receipt.remedy,
            now=now,
        ),
    )
    if w.row.state != state:
        events.record(conn, w.row.id, state.value, at=now, detail=receipt.problem)


def _refuse_all(bridge: Bridge, work: Sequence[_Work], connector: str) -> None:
    receipt = Receipt(
        state=ReceiptState.REFUSED,
        problem=f"The connector {connector} cannot write to a gradebook.",
        remedy="Set write_back: {target: none} in the mapping.",
        code="cannot_write",
    )
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for w in work:
            with suppress(LeaseLost):
                _settle(conn, w, WriteBackState.REFUSED, receipt, now=now)


def _stop(
    conn: sa.Connection,
    row: sa.Row[Any],
    *,
    cause: str,
    problem: str,
    remedy: str,
    now: datetime,
) -> None:
    """A person mends something first."""
    then = f"{remedy} Then `vaultbridge replay {row.id}`."
    said = troubled(row, cause=cause, problem=problem, remedy=then, now=now)
    refused = WriteBackState.REFUSED
    give_back(conn, write_back, row, next_run_at=None, state=refused, **said)
    events.record(conn, row.id, refused.value, at=now, detail=problem)


STEP = by_site.Step(
    name=NAME,
    doing="Writing it",
    table=write_back,
    turns=(write_back.c.tries == 0, write_back.c.tries > 0),
    batch=BATCH,
    alike=("course_id",),
    work=_work,
    stop=_stop,
)
