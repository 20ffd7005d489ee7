"""Tell gradebooks what they must say, and look whether they still do.

Each write mails the learner. So a text is written down before it is sent, a write whose end nobody
saw is looked for before it is repeated, and what stands there is never written again. What a person
wrote or graded is left alone. What vanished is written anew once; a second time is told.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import by_site, gradebook_text, guard
from bridge.pipeline import write_back_ends as ends
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.cells import Verdict, known, seen
from bridge.pipeline.parts import parts
from bridge.store import events, links, restored, write_backs
from bridge.store.states import LOOKED_AT, UNDER_WAY, WriteBackState
from bridge.store.tables import write_back
from connectors.base import Capability, Connector, GradebookRow, Receipt, ReceiptState
from runtime.crashpoint import crashpoint
from runtime.lease import LeaseLost, lease_of, save

#: Rows of one course in a batch: a few calls tell of all, and a hundred are written by one.
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """A claimed row, and what must stand in the gradebook."""

    row: sa.Row[Any]
    wanted: GradebookRow
    digest: str
    stands: str | None = None  #: the text of ours that was seen there, to be written over

    @property
    def changed(self) -> bool:
        """Whether it is to say something else than what was written last."""
        return self.row.text is None or self.digest != self.row.digest


def run(bridge: Bridge) -> bool:
    """Write and look at what is due, a batch a site; say whether there may be more."""
    return by_site.run(bridge, STEP)


def _work(
    bridge: Bridge, site: sa.Row[Any], connector: Connector[Any], rows: Sequence[sa.Row[Any]]
) -> None:
    crashpoint("write_back.claimed")
    if Capability.WRITE_BACK not in connector.capabilities():
        _refuse_all(bridge, rows, site.connector)
        return
    # What only is looked at may stand there in the words of an older version: that is no change.
    wanted = _composed(bridge, [row for row in rows if row.state not in LOOKED_AT])
    fresh = [w for w in wanted if w.changed and w.row.state not in UNDER_WAY]
    ids = {w.row.id for w in fresh}
    again = _look(bridge, connector, [row for row in rows if row.id not in ids], wanted)
    _write(bridge, connector, [*fresh, *again])


def _composed(bridge: Bridge, rows: Sequence[sa.Row[Any]]) -> Sequence[_Work]:
    if not rows:
        return ()
    with bridge.database.read() as conn:
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
        known=known(row),
    )
    return _Work(row=row, wanted=wanted, digest=gradebook_text.digest(wanted))


def _look(
    bridge: Bridge,
    connector: Connector[Any],
    rows: Sequence[sa.Row[Any]],
    wanted: Collection[_Work],
) -> Sequence[_Work]:
    """Settle the rows that stand, or are left alone; return what is to be written all the same."""
    changed = {w.row.id for w in wanted if w.changed}
    found = seen(connector, rows)
    crashpoint("write_back.looked")
    standing = found[Verdict.STANDS]
    ends.stand(bridge, [row for row in standing if row.id not in changed])
    ends.overridden(bridge, found[Verdict.PERSONS])
    unsure = found[Verdict.UNTOLD]
    ends.untold(bridge, [row for row in unsure if not _to_be_written(row, changed)])
    missing = found[Verdict.MISSING]
    ends.lost(bridge, [row for row in missing if _is_lost(row, changed)])
    stands = {row.id for row in standing}
    over = [replace(w, stands=w.row.text) for w in wanted if w.changed and w.row.id in stands]
    anew = [
        *(row for row in unsure if _to_be_written(row, changed)),
        *(row for row in missing if not _is_lost(row, changed)),
    ]
    return [*over, *_composed(bridge, anew)]


def _to_be_written(row: sa.Row[Any], changed: Collection[str]) -> bool:
    return row.id in changed or row.state == WriteBackState.WRITING


def _is_lost(row: sa.Row[Any], changed: Collection[str]) -> bool:
    return row.id not in changed and _stood(row) and row.repairs > 0


def _stood(row: sa.Row[Any]) -> bool:
    """Whether what was written last was seen there since."""
    return row.text is not None and row.text == row.shown


def _write(bridge: Bridge, connector: Connector[Any], work: Sequence[_Work]) -> None:
    in_time = guard.in_time(bridge.settings.lease - bridge.settings.lms_deadline)
    held = [w for part in parts(work, ends.TOGETHER) for w in _intended(bridge, part)]
    if not held:
        return
    crashpoint("write_back.intended")
    if not in_time():
        return  # whoever has the rows next looks first whether it stands there
    receipts = connector.write_back([w.wanted for w in held])
    crashpoint("write_back.sent")
    pairs = list(zip(held, receipts, strict=True))
    written = [row for part in parts(pairs, ends.TOGETHER) for row in _receipts(bridge, part)]
    crashpoint("write_back.noted")
    found = seen(connector, written)
    crashpoint("write_back.seen")
    ends.stand(bridge, found[Verdict.STANDS])
    ends.overridden(bridge, found[Verdict.PERSONS])
    ends.not_shown(bridge, found[Verdict.MISSING])
    ends.untold(bridge, found[Verdict.UNTOLD])


def _intended(bridge: Bridge, work: Sequence[_Work]) -> list[_Work]:
    """Write the texts down before they are sent; return those that are still ours to send."""
    held = []
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for w in work:
            vanished = not w.changed and _stood(w.row)
            with suppress(LeaseLost):
                save(
                    conn,
                    write_back,
                    lease_of(w.row),
                    state=WriteBackState.WRITING,
                    text=w.wanted.as_html(),
                    digest=w.digest,
                    revision=w.wanted.revision,
                    shown=w.stands or w.row.shown,
                    repairs=0 if w.changed else w.row.repairs + vanished,
                    lease_until=now + bridge.settings.lease,
                )
                if vanished:
                    events.record(conn, w.row.id, "vanished: written anew", at=now)
                held.append(w)
        crashpoint("write_back.intending")
    return held


def _receipts(bridge: Bridge, work: Sequence[tuple[_Work, Receipt]]) -> Sequence[Any]:
    """Settle what was not written; return the rows of what was, as they were saved."""
    written = []
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for w, receipt in work:
            with suppress(LeaseLost):
                if receipt.state is ReceiptState.WRITTEN:
                    values = {
                        "state": WriteBackState.WRITTEN,
                        "text": receipt.text,
                        "written_at": now,
                    }
                    save(conn, write_back, lease_of(w.row), **values)
                    # Due as it was claimed: who has made it due since must not be forgotten.
                    written.append(SimpleNamespace(**{**w.row._mapping, **values}))
                else:
                    ends.settle(bridge, conn, w.row, receipt, now=now)
        crashpoint("write_back.noting")
    return written


def _refuse_all(bridge: Bridge, rows: Sequence[sa.Row[Any]], connector: str) -> None:
    receipt = Receipt(
        state=ReceiptState.REFUSED,
        problem=f"The connector {connector} cannot write to a gradebook.",
        remedy="Set write_back: {target: none} in the mapping.",
        code="cannot_write",
    )
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        for row in rows:
            with suppress(LeaseLost):
                ends.settle(bridge, conn, row, receipt, now=now)


_sure = restored.sure(write_back.c.site_id)
_to_write = sa.and_(write_back.c.state.not_in(LOOKED_AT), _sure)

STEP = by_site.Step(
    name=ends.NAME,
    doing="Writing it",
    table=write_back,
    turns=(
        *by_site.fresh_first(write_back, _to_write),
        # What a restored database misses there may be what it told since its copy was made.
        sa.and_(write_back.c.state.in_(LOOKED_AT), _sure),
    ),
    batch=BATCH,
    alike=("course_id",),
    work=_work,
    stop=ends.stop,
)
