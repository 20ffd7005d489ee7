"""Tell the gradebook: once when final, again only on a real change, read back each time.

Each write mails the learner. So the text is written down before it is sent, and a write whose end
nobody saw is read back before it is written again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import gradebook_text
from bridge.pipeline.bridge import Bridge
from bridge.store import accounts, events, issuances, links
from bridge.store.states import WriteBackState
from bridge.store.tables import write_back
from connectors.base import (
    Capability,
    Connector,
    ConnectorError,
    GradebookRow,
    Permanent,
    Receipt,
    ReceiptState,
    Temporary,
)
from runtime.lease import LeaseLost, claim, lease_of, release, save

BATCH = 100
#: How often a text that the LMS took and does not show is written anew.
MOST_WRITES = 3
#: A course without a place for certificates is looked at again this often.
WAITING = timedelta(hours=6)
#: An LMS that refuses our token is asked again this often; a mended site is asked at once.
REFUSED = timedelta(minutes=15)

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
        _site(bridge, site_id, list(group))
    return len(rows) == BATCH


def _site(bridge: Bridge, site_id: str, rows: Sequence[sa.Row[Any]]) -> None:
    with bridge.database.read() as conn:
        site = accounts.site_by_id(conn, site_id)
        work = [_compose(bridge, conn, row) for row in rows]
    connector = bridge.connector_of(site)
    if Capability.WRITE_BACK not in connector.capabilities():
        problem = f"The connector {site.connector} cannot write to a gradebook."
        _refuse_all(bridge, work, problem, "Set write_back: {target: none} in the mapping.")
        return
    try:
        _write(bridge, connector, work)
        _mended(bridge, site)
    except Temporary as exc:
        _again(bridge, work, exc.problem, at_least=exc.retry_after)
    except Permanent as exc:
        with bridge.database.write() as conn:
            accounts.note_trouble(
                conn, site_id, kind="site", problem=exc.problem, remedy=exc.remedy
            )
        _again(bridge, work, exc.problem, at_least=REFUSED, remedy=exc.remedy)
    except ConnectorError as exc:
        log.exception("write_back_malformed", site=site.name)
        _again(bridge, work, str(exc), at_least=REFUSED)


def _compose(bridge: Bridge, conn: sa.Connection, row: sa.Row[Any]) -> _Work:
    found = issuances.of_learner(conn, row.site_id, row.course_id, row.learner_id)
    live = links.of_issuances(conn, [issuance.id for issuance in found])
    wanted = gradebook_text.compose(
        found,
        links={issuance_id: bridge.links.url(link_id) for issuance_id, link_id in live.items()},
        course_id=row.course_id,
        learner_id=row.learner_id,
        revision=row.revision + 1,
    )
    return _Work(row=row, wanted=wanted, digest=gradebook_text.digest(wanted))


def _write(bridge: Bridge, connector: Connector[Any], work: Sequence[_Work]) -> None:
    unsure = [w for w in work if w.row.state == WriteBackState.WRITING]
    seen = _seen(connector, unsure)
    standing = [w for w in unsure if seen[w.row.id] == w.row.text and w.digest == w.row.digest]
    told = [w for w in work if w.row.state == WriteBackState.READ_BACK and w.digest == w.row.digest]
    _confirm(bridge, [*standing, *told])
    rest = [w for w in work if w not in standing and w not in told]
    if not rest:
        return
    _intend(bridge, rest)
    receipts = connector.write_back([w.wanted for w in rest])
    written = _receipts(bridge, rest, receipts)
    if written:
        _read_back(bridge, connector, written)


def _seen(connector: Connector[Any], work: Sequence[_Work]) -> dict[str, str | None]:
    if not work:
        return {}
    texts = connector.read_back([w.wanted for w in work])
    return {w.row.id: text for w, text in zip(work, texts, strict=True)}


def _intend(bridge: Bridge, work: Sequence[_Work]) -> None:
    """Write the texts down before they are sent."""
    with bridge.database.write() as conn:
        for w in work:
            save(
                conn,
                write_back,
                lease_of(w.row),
                state=WriteBackState.WRITING,
                text=w.wanted.as_html(),
                digest=w.digest,
                revision=w.wanted.revision,
            )


def _receipts(
    bridge: Bridge, work: Sequence[_Work], receipts: Sequence[Receipt]
) -> list[tuple[_Work, Receipt]]:
    """Settle what was not written; return what was, to be read back."""
    written = []
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for w, receipt in zip(work, receipts, strict=True):
            if receipt.state is ReceiptState.WRITTEN:
                save(conn, write_back, lease_of(w.row), text=receipt.text, written_at=now)
                written.append((w, receipt))
            elif receipt.state is ReceiptState.WAITING:
                _settle(
                    conn, w, WriteBackState.WAITING, receipt, now=now, next_run_at=now + WAITING
                )
            else:
                _settle(conn, w, WriteBackState.REFUSED, receipt, now=now, next_run_at=None)
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
    problem = "The LMS took the text, but the gradebook does not show it."
    remedy = (
        "Look whether the grade item is locked or hidden, or its marking workflow not released; "
        "then `vaultbridge replay` this id."
    )
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        tries = w.row.tries + 1
        final = tries >= MOST_WRITES
        with suppress(LeaseLost):
            release(
                conn,
                write_back,
                lease_of(w.row),
                next_run_at=None if final else now + bridge.backoff.wait(tries),
                state=WriteBackState.REFUSED if final else WriteBackState.DUE,
                tries=tries,
                problem=problem,
                remedy=remedy,
            )


def _confirm(bridge: Bridge, work: Sequence[_Work]) -> None:
    if not work:
        return
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for w in work:
            with suppress(LeaseLost):
                release(
                    conn,
                    write_back,
                    lease_of(w.row),
                    next_run_at=None,
                    state=WriteBackState.READ_BACK,
                    read_back_at=now,
                    tries=0,
                    problem=None,
                    remedy=None,
                )
                events.record(conn, w.row.id, "read back", at=now)
    log.info("written_back", rows=len(work))


def _settle(
    conn: sa.Connection,
    w: _Work,
    state: WriteBackState,
    receipt: Receipt,
    *,
    now: datetime,
    next_run_at: datetime | None,
) -> None:
    with suppress(LeaseLost):
        release(
            conn,
            write_back,
            lease_of(w.row),
            next_run_at=next_run_at,
            state=state,
            # Nothing was written: the next write must not be taken for a repetition.
            digest=None,
            problem=receipt.problem,
            remedy=receipt.remedy,
        )
        if w.row.state != state:
            events.record(conn, w.row.id, state.value, at=now, detail=receipt.problem)


def _refuse_all(bridge: Bridge, work: Sequence[_Work], problem: str, remedy: str) -> None:
    receipt = Receipt(state=ReceiptState.REFUSED, problem=problem, remedy=remedy)
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for w in work:
            _settle(conn, w, WriteBackState.REFUSED, receipt, now=now, next_run_at=None)


def _again(
    bridge: Bridge,
    work: Sequence[_Work],
    problem: str,
    *,
    at_least: timedelta | None,
    remedy: str = "Nothing: it is tried again by itself.",
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for w in work:
            tries = w.row.tries + 1
            with suppress(LeaseLost):
                release(
                    conn,
                    write_back,
                    lease_of(w.row),
                    next_run_at=now + bridge.backoff.wait(tries, at_least=at_least),
                    tries=tries,
                    problem=problem,
                    remedy=remedy,
                )


def _mended(bridge: Bridge, site: sa.Row[Any]) -> None:
    if site.problem is not None:
        with bridge.database.write() as conn:
            accounts.note_trouble(conn, site.id, kind="site", problem=None, remedy=None)
