"""What a replay can do with each row as it stands; looked up, nothing written."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bridge.pipeline import holding
from bridge.pipeline.adopt import UNSETTLED
from bridge.pipeline.mapped import ORIGINAL
from bridge.store import deliveries, holds, issuances
from bridge.store.failures import REPLAYABLE
from bridge.store.ids import kind_of
from bridge.store.states import (
    CompletionState,
    DeliveryState,
    IssuanceState,
    RevocationState,
    WriteBackState,
)

_LIST = "This is not the id of a delivery, completion, issuance, revocation or write-back."
ERASED = "The learner's data was erased: nothing is issued again."
_MAPPED_AGAIN = "It is looked up in the LMS and mapped again, with {}."


class Act(enum.Enum):
    """What is done with a row."""

    READ = "read"  #: a delivery, anew
    MAP = "map"  #: a completion looked up in the LMS and mapped, anew
    ASK = "ask"  #: the vault is asked for what may have arrived
    CORRECT = "correct"  #: what was to replace another begins anew, its entry as it is
    REVOKE = "revoke"  #: the vault is asked again to revoke what is replaced
    RETRY = "retry"  #: the vault processes it again
    WRITE = "write"  #: the gradebook's row, anew
    PRINT = "print"  #: what waits for a person, anew
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What a replay does with one id, and how it says so."""

    id: str
    act: Act
    said: str
    row: sa.Row[Any] | None = None
    completion_id: str | None = None  #: what MAP takes up


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What has to be known beside the row."""

    mapping: str
    now: datetime
    attempts: Mapping[str, Sequence[sa.Row[Any]]]


def plan(
    conn: sa.Connection, ids: Sequence[str], *, mapping: str, now: datetime
) -> Sequence[Planned]:
    """What a replay would do with each id, in their order; a few queries in all."""
    by_kind: defaultdict[str, list[str]] = defaultdict(list)
    for row_id in ids:
        by_kind[kind_of(row_id) or ""].append(row_id)
    rows: dict[str, sa.Row[Any]] = {}
    for kind, table in REPLAYABLE.items():
        found = conn.execute(sa.select(table).where(table.c.id.in_(by_kind[kind])))
        rows |= {row.id: row for row in found}
    made = issuances.attempts_of(conn, by_kind["issuance"])
    known = _Known(mapping=mapping, now=now, attempts=made)
    return [_planned(row_id, rows.get(row_id), known) for row_id in ids]


def _planned(row_id: str, row: sa.Row[Any] | None, known: _Known) -> Planned:
    kind = kind_of(row_id) or ""
    if kind not in _OF_KIND:
        return Planned(id=row_id, act=Act.NOTHING, said=_LIST)
    if row is None:
        kept = " Nothing is kept of events nobody wants." if kind == "delivery" else ""
        return Planned(id=row_id, act=Act.NOTHING, said=f"There is no such {kind}.{kept}")
    if row.lease_until is not None and row.lease_until > known.now:
        return _nothing(row, "It is being worked on just now.")
    return _OF_KIND[kind](row, known)


def _nothing(row: sa.Row[Any], said: str) -> Planned:
    return Planned(id=row.id, act=Act.NOTHING, said=said, row=row)


def _delivery(row: sa.Row[Any], _known: _Known) -> Planned:
    if deliveries.is_blank(row.request):
        return _nothing(row, f"What came with it is gone: {deliveries.why_blank(row.request)}.")
    if row.state == DeliveryState.NORMALISED:
        return _nothing(row, "It was read already; nothing is changed.")
    return Planned(id=row.id, act=Act.READ, said="It is read again.", row=row)


def _completion(row: sa.Row[Any], _known: _Known) -> Planned:
    if row.state == CompletionState.SAME:
        return _nothing(row, f"It tells what {row.same_as} tells. Replay that one.")
    if row.state == CompletionState.ERASED:
        return _nothing(row, ERASED)
    if row.state == CompletionState.MAPPED:
        return _nothing(row, "It has its issuance. Replay that one if it is held or failed.")
    said = "It is looked up in the LMS and mapped again."
    return Planned(id=row.id, act=Act.MAP, said=said, row=row, completion_id=row.id)


def _issuance(row: sa.Row[Any], known: _Known) -> Planned:
    if row.state == IssuanceState.ERASED:
        return _nothing(row, ERASED)
    if row.state == IssuanceState.GENERATED:
        return _nothing(row, f"It is issued as {row.reference_id}; nothing is changed.")
    if holds.is_waiting(row):
        return _waiting(row)
    if row.state == IssuanceState.CANCELLED and row.cause == holding.DISCARDED:
        return _mapped_again(row, known)
    if row.state == IssuanceState.CANCELLED:
        return _nothing(row, f"It is cancelled for good. {row.problem}")
    if row.state not in (IssuanceState.HELD, IssuanceState.FAILED):
        return _nothing(row, f"It is {row.state} and goes on by itself.")
    if row.vault_uuid is not None:
        said = "The vault has it: it is retried there."
        return Planned(id=row.id, act=Act.RETRY, said=said, row=row)
    if any(attempt.outcome in UNSETTLED for attempt in known.attempts.get(row.id, ())):
        # It may exist at the vault under the entry it was sent with: that entry stays.
        said = "An earlier attempt may have succeeded: the vault is asked first."
        return Planned(id=row.id, act=Act.ASK, said=said, row=row)
    if row.replaces is not None:
        said = "It is sent again as it was corrected. To change that: `vaultbridge correct`."
        return Planned(id=row.id, act=Act.CORRECT, said=said, row=row)
    return _mapped_again(row, known)


def _waiting(row: sa.Row[Any]) -> Planned:
    """Whether it goes on is not for a replay to say; that it can be looked at is."""
    decide = f"vaultbridge release {row.hold_id}` or `vaultbridge discard {row.hold_id}"
    if row.file_sha256 is not None:
        return _nothing(row, f"It waits with others for a person: `{decide}`.")
    said = f"It is printed again, and waits with others for a person: `{decide}`."
    return Planned(id=row.id, act=Act.PRINT, said=said, row=row)


def _mapped_again(row: sa.Row[Any], known: _Known) -> Planned:
    original = f"version {row.mapping_version} of {row.mapping_name}, as before"
    by = original if known.mapping == ORIGINAL else "the present mapping"
    said = _MAPPED_AGAIN.format(by)
    return Planned(id=row.id, act=Act.MAP, said=said, row=row, completion_id=row.completion_id)


def _revocation(row: sa.Row[Any], _known: _Known) -> Planned:
    if row.state == RevocationState.WAITING:
        return _nothing(row, f"It waits for {row.replaced_by}, which replaces it.")
    if row.state in (RevocationState.REVOKED, RevocationState.DONE):
        return _nothing(row, "It is revoked; nothing is changed.")
    said = "The vault is asked again to revoke it."
    return Planned(id=row.id, act=Act.REVOKE, said=said, row=row)


def _write_back(row: sa.Row[Any], _known: _Known) -> Planned:
    if row.state == WriteBackState.READ_BACK:
        return _nothing(row, "The gradebook says it already; nothing is written twice.")
    said = "It is written again."
    if row.state == WriteBackState.OVERRIDDEN:
        said = "It is looked at again, and written if nobody's text stands there."
    return Planned(id=row.id, act=Act.WRITE, said=said, row=row)


_OF_KIND: Mapping[str, Callable[[sa.Row[Any], _Known], Planned]] = {
    "delivery": _delivery,
    "completion": _completion,
    "issuance": _issuance,
    "revocation": _revocation,
    "write-back": _write_back,
}
