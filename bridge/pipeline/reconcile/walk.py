"""A walk through an issuer's list at its vault: where it is cut short, the next run goes on.

The list is newest first and has no filter by date, so a place in it is the number of a page. What
is new comes in at the front and pushes the rest on: a page may be read twice, none is passed over.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from bridge.pipeline.reconcile.causes import Part, causes_of
from bridge.pipeline.reconcile.work import Work
from bridge.store import differences, vault_walks
from bridge.store.events import PIPELINE

#: Bytes of the number by which an issuance is remembered.
SIZE = 8


class Leg(StrEnum):
    """What is asked of a vault, in this order."""

    LIST = "list"
    UNLISTED = "unlisted"  #: those that must be at the vault and were not in its list
    REVOKED = "revoked"  #: the list of revoked ones, however old


_AFTER = {Leg.LIST: Leg.UNLISTED, Leg.UNLISTED: Leg.REVOKED}


@dataclass(slots=True, kw_only=True)
class Walk:
    """How far it has come."""

    began_at: datetime
    reads_revoked: bool  #: whether it reads the list of revoked ones at all
    leg: Leg | None = Leg.LIST  #: None at its end
    page: int = 1  #: of the leg's list, the first that was not read to its end
    #: Our issuances whose certificates the vault has: a number each.
    found: set[int] = field(default_factory=set)
    revoked_at: datetime | None = None  #: when the revoked ones were last read to their end

    def go_on(self) -> None:
        """Leave a leg behind."""
        self.leg, self.page = (_AFTER.get(self.leg) if self.leg else None), 1

    def find(self, row: sa.Row[Any]) -> None:
        """Remember that the vault has an issuance's certificate."""
        self.found.add(_number(row))

    def has_found(self, row: sa.Row[Any]) -> bool:
        """Whether the vault has it, as far as this walk has come."""
        return _number(row) in self.found


def of(work: Work, issuer_id: str) -> Walk:
    """The walk that was cut short, with what it has seen as seen by this run; else a new one."""
    with work.write() as (conn, now):
        row = vault_walks.of(conn, work.site.id, issuer_id)
        last = row.revoked_at if row is not None else None
        rarely = work.bridge.settings.reconcile_revoked
        walk = Walk(
            began_at=now,
            reads_revoked=work.run.who != PIPELINE or last is None or now - last >= rarely,
            revoked_at=last,
        )
        if row is not None and _goes_on(work, row):
            walk.began_at, walk.leg, walk.page = row.began_at, Leg(row.leg), row.page
            walk.found = _unpacked(row.found)
            walk.reads_revoked |= walk.leg is Leg.REVOKED
            differences.take_over(
                conn,
                site_id=work.site.id,
                run_id=work.run.id,
                causes=causes_of(Part.VAULT),
                since=walk.began_at,
            )
        return walk


def keep(conn: sa.Connection, work: Work, issuer_id: str, walk: Walk) -> None:
    """Write down how far it has come; within a transaction of the work's."""
    vault_walks.write(
        conn,
        work.site.id,
        issuer_id,
        began_at=walk.began_at,
        since=work.run.since,
        leg=walk.leg,
        page=walk.page,
        found=_packed(walk.found if walk.leg else ()),
        revoked_at=walk.revoked_at,
    )


def _goes_on(work: Work, row: sa.Row[Any]) -> bool:
    """Unless it is over, did not read as far back, or may have passed what a restoration forgot."""
    restored = work.site.restored_at
    if restored is not None and row.began_at < restored + work.bridge.settings.reconcile_grace:
        return False
    return row.leg == Leg.LIST or (row.leg is not None and row.since <= work.run.since)


def _number(row: sa.Row[Any]) -> int:
    """The end of its id: the time in part, and chance."""
    return int(row.id[-2 * SIZE :], 16)


def _packed(numbers: Collection[int]) -> bytes:
    return b"".join(number.to_bytes(SIZE, "big") for number in numbers)


def _unpacked(packed: bytes) -> set[int]:
    places = range(0, len(packed), SIZE)
    return {int.from_bytes(packed[place : place + SIZE], "big") for place in places}
