"""What a person replays: rows by their ids, or everything behind that fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.parts import parts
from bridge.store import accounts, reach
from bridge.store.failures import REPLAYABLE, failing, of_cause
from bridge.store.ids import kind_of
from bridge.store.states import CompletionState, DeliveryState, IssuanceState
from bridge.store.tables import completion, delivery, issuance

#: Ids in one query: SQLite takes as many parameters, and more.
CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Ids; or what a row must be, where every part that is given counts.

    Without a state, rows that stay behind: that have a cause and are not cancelled.
    """

    ids: tuple[str, ...] = ()
    kind: str | None = None  #: delivery, completion, issuance, revocation, write-back
    cause: str | None = None  #: or what a cause begins with: ``complete.missing``
    site: str | None = None
    state: str | None = None
    since: datetime | None = None  #: it fails since then or later; if nothing fails, it came then
    until: datetime | None = None
    #: Of what is within these limits alone; they narrow down, and mean nothing by themselves.
    limits: reach.Packed = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is asked for; that is never everything."""
        return not any(value for name, value in asdict(self).items() if name != "limits")

    def packed(self) -> dict[str, Any]:
        """As JSON, without what is not given."""
        given = {name: value for name, value in asdict(self).items() if value}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in given.items()
        }


def unpacked(packed: Mapping[str, Any]) -> Selection:
    """The selection that `Selection.packed` made."""
    values = dict(packed)
    for name in ("since", "until"):
        if name in values:
            values[name] = datetime.fromisoformat(values[name])
    return Selection(**{**values, "ids": tuple(values.get("ids", ()))})


def select(conn: sa.Connection, selection: Selection, *, now: datetime) -> Sequence[str]:
    """The ids that a selection means as of ``now``, sorted; raises NotThere for an unknown site."""
    if selection.ids:
        return sorted({row_id for row_id in selection.ids if is_replayable(row_id)})
    kinds = [selection.kind] if selection.kind is not None else list(REPLAYABLE)
    found: list[str] = []
    for table in (REPLAYABLE[kind] for kind in kinds):
        where = [*_of_state(table, selection), *_fits(conn, table, selection, now=now)]
        found += conn.execute(sa.select(table.c.id).where(*where)).scalars()
    return sorted(found)


def is_replayable(row_id: str) -> bool:
    """Whether this can be the id of something that can be replayed."""
    return kind_of(row_id) in REPLAYABLE


def count_issued(conn: sa.Connection, selection: Selection, *, now: datetime) -> int:
    """How many certificates of a site or time span are issued: a replay changes nothing of them."""
    other = selection.ids or selection.cause or selection.state
    if other or selection.kind not in (None, "issuance"):
        return 0
    fits = _fits(conn, issuance, selection, now=now)
    query = sa.select(sa.func.count()).select_from(issuance)
    done = issuance.c.state == IssuanceState.GENERATED
    return conn.execute(query.where(done, *fits)).scalar_one()


def _of_state(table: sa.Table, selection: Selection) -> Iterable[sa.ColumnElement[bool]]:
    if selection.state is None:
        yield failing(table)
    else:
        yield table.c.state == selection.state


def _fits(
    conn: sa.Connection, table: sa.Table, selection: Selection, *, now: datetime
) -> Iterable[sa.ColumnElement[bool]]:
    came = table.c.received_at if table is delivery else table.c.created_at
    moment = sa.func.coalesce(table.c.failing_since, came, type_=came.type)
    # What falls into trouble later was not meant, also when this is continued tomorrow.
    yield moment <= now
    yield reach.within(table, selection.limits)
    if selection.cause is not None:
        yield of_cause(table, selection.cause)
    if selection.site is not None:
        yield table.c.site_id == accounts.site_named(conn, selection.site).id
    if selection.since is not None:
        yield moment >= selection.since
    if selection.until is not None:
        yield moment < selection.until


def expand(conn: sa.Connection, ids: Sequence[str]) -> tuple[str, ...]:
    """Ids, where a delivery that was read stands for its completions, and one of those that was
    mapped for its issuances: what can still be done is done there."""
    ids = _replaced(conn, ids, completion.c.delivery_id, delivery, DeliveryState.NORMALISED)
    return _replaced(conn, ids, issuance.c.completion_id, completion, CompletionState.MAPPED)


def _replaced(
    conn: sa.Connection,
    ids: Sequence[str],
    parent: sa.Column[Any],
    table: sa.Table,
    state: str,
) -> tuple[str, ...]:
    children: dict[str, list[str]] = {}
    for chunk in parts(ids, CHUNK):
        done = sa.select(table.c.id).where(table.c.id.in_(chunk), table.c.state == state)
        rows = conn.execute(sa.select(parent, parent.table.c.id).where(parent.in_(done)))
        for parent_id, row_id in rows:
            children.setdefault(parent_id, []).append(row_id)
    return tuple(child for row_id in ids for child in children.get(row_id, [row_id]))
