"""Tell the gradebook: once when final, again only on a real change, read back each time.

Each write mails the learner. So the text is written down before it is sent, and a write whose end
nobody saw is read back before it is written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import causes, gradebook_text, trouble
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import cause_of
from bridge.pipeline.guard import poisoned
from bridge.store import accounts, events, links, write_backs
from bridge.store.states import WriteBackState
from bridge.store.tables import write_back
from bridge.store.troubles import MENDED, troubled
from connectors.base import (
    Capability,
    Connector,
    GradebookRow,
    Malformed,
    Permanent,
    Receipt,
    ReceiptState,
    Temporary,
)
from runtime.lease import LeaseLost, claim, lease_of, save

STEP = "write_back"
BATCH = 100
#: How often a text that the LMS took and does not show is written anew.
MOST_WRITES = 3
#: A course without a place for certificates is looked at again this often.
WAITING = timedelta(hours=6)
MOST_BUG_TRIES = 3

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
    """Write a batch of rows that are due; say whether there may be more."""
    with bridge.database.write() as conn:
        rows = claim(
            conn,
            write_back,
            where=sa.true(),
            owner=bridge.owner,
            now=bridge.database.now(conn),
            lease=bridge.settings.lease,
            limit=BATCH,
        )
    by_site = sorted(rows, key=lambda row: row.site_id)
    for site_id, group in groupby(by_site, key=lambda row: row.site_id):
        _guarded(bridge, site_id, list(group))
    return len(rows) == BATCH


def _guarded(bridge: Bridge, site_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    if len(rows) == 1:
        move_on = partial(_move_on, bridge, rows[0])
    else:
        move_on = partial(_apart, bridge, site_id, rows)
    with poisoned(STEP, site_id if len(rows) > 1 else rows[0].id, move_on):
        _site(bridge, site_id, rows)


def _apart(bridge: Bridge, site_id: str, rows: Sequence[sa.Row[Any]], _name: str) -> None:
    """One of them spoils the batch: each by itself, as it stands now, so none is written twice."""
    for row in rows:
        with bridge.database.read() as conn:
            fresh = write_backs.by_id(conn, row.id)
        if fresh is not None and (fresh.lease_owner, fresh.fence) == (row.lease_owner, row.fence):
            _guarded(bridge, site_id, [fresh])


def _site(bridge: Bridge, site_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    with bridge.database.read() as conn:
        site = accounts.site_by_id(conn, site_id)
        work = _composed(bridge, conn, rows)
    try:
        connector = bridge.connector_of(site)
        if Capability.WRITE_BACK not in connector.capabilities():
            _refuse_all(bridge, work, site.connector)
            return
        _write(bridge, connector, work)
        trouble.over(bridge, site)
    except Temporary as exc:
        _again(bridge, work, exc.problem, cause=cause_of(STEP, exc), at_least=exc.retry_after)
    except Permanent as exc:
        trouble.tell(bridge, site, exc)
        _again(
            bridge,
            work,
            exc.problem,
            cause=cause_of(STEP, exc),
            at_least=trouble.REFUSED,
            remedy=exc.remedy,
        )
    except Malformed as exc:
        log.warning("write_back_malformed", site=site.name, reason=str(exc))
        remedy = "Look at what the LMS answers, or upgrade the connector."
        cause = cause_of(STEP, exc)
        _again(bridge, work, str(exc), cause=cause, at_least=trouble.REFUSED, remedy=remedy)


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
    receipts = connector.write_back([w.wanted for w in held]) if held else []
    written = _receipts(bridge, held, receipts)
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
    return written


def _read_back(
    bridge: Bridge, connector: Connector[Any], written: Sequence[tuple[_Work, Receipt]]
) -> None:
    work = [w for w, _ in written]
    seen = _seen(connector, work)
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
            _give_back(
                conn,
                w.row,
                next_run_at=None if final else now + bridge.backoff.wait(tries),
                state=WriteBackState.REFUSED if final else WriteBackState.DUE,
                tries=tries,
                **troubled(
                    w.row,
                    cause=causes.cause(STEP, "not_shown"),
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
                _give_back(
                    conn,
                    w.row,
                    next_run_at=None,
                    state=WriteBackState.READ_BACK,
                    read_back_at=now,
                    tries=0,
                    **MENDED,
                )
                events.record(conn, w.row.id, "read back", at=now)
    log.info("written_back", rows=len(work))


def _settle(
    conn: sa.Connection, w: _Work, state: WriteBackState, receipt: Receipt, *, now: datetime
) -> None:
    """It was not written, and will not be until a person changes something."""
    _give_back(
        conn,
        w.row,
        next_run_at=now + WAITING if state is WriteBackState.WAITING else None,
        state=state,
        text=None,  # nothing was written that could be read back
        tries=0,
        **troubled(
            w.row,
            cause=causes.cause(STEP, receipt.code or _CODES[receipt.state]),
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


def _again(
    bridge: Bridge,
    work: Sequence[_Work],
    problem: str,
    *,
    cause: str,
    at_least: timedelta | None,
    remedy: str = "Nothing: it is tried again by itself.",
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for w in work:
            tries = w.row.tries + 1
            with suppress(LeaseLost):
                _give_back(
                    conn,
                    w.row,
                    next_run_at=now + bridge.backoff.wait(tries, at_least=at_least),
                    tries=tries,
                    **troubled(w.row, cause=cause, problem=problem, remedy=remedy, now=now),
                )


def _move_on(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    tries = row.tries + 1
    final = tries >= MOST_BUG_TRIES
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        values: dict[str, Any] = {"state": WriteBackState.REFUSED} if final else {}
        _give_back(
            conn,
            row,
            next_run_at=None if final else now + bridge.backoff.wait(tries),
            tries=tries,
            **troubled(
                row,
                cause=causes.bug(STEP, name),
                problem=f"Writing it failed with {name}, which is a fault in the program.",
                remedy="Report it with the log's trace; after an upgrade, "
                f"`vaultbridge replay {row.id}`.",
                now=now,
            ),
            **values,
        )


def _give_back(
    conn: sa.Connection, row: sa.Row[Any], *, next_run_at: datetime | None, **values: Any
) -> None:
    """Release the row; raises LeaseLost. Whoever made it due meanwhile is not forgotten."""
    due_since = write_back.c.next_run_at
    woken = due_since != row.next_run_at
    save(
        conn,
        write_back,
        lease_of(row),
        lease_owner=None,
        lease_until=None,
        next_run_at=sa.case((woken, due_since), else_=sa.literal(next_run_at, due_since.type)),
        **values,
    )
