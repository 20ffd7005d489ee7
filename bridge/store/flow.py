"""How many passed each step of the way in a span of time: counted by indexes of time alone.

Ids tell when a row was made (`ids.before`), so that a span of them is a span of time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from bridge.store.ids import before
from bridge.store.tables import completion, delivery, issuance, issuer, site, write_back


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What came in one span of time."""

    start: datetime
    end: datetime
    completed: int
    certified: int


def passed(conn: sa.Connection, *, since: datetime, until: datetime) -> Mapping[str, int]:
    """How many deliveries came, completions were found, issuances made, certificates made by their
    vaults, gradebook rows written."""
    counts = {
        "deliveries": _made(delivery, "dl", since, until),
        "completions": _made(completion, "cp", since, until),
        "issuances": _made(issuance, "is", since, until),
        "vault": _done(issuance.c.generated_at, issuance.c.issuer_id, issuer, since, until),
        "write-backs": _done(write_back.c.written_at, write_back.c.site_id, site, since, until),
    }
    row = conn.execute(sa.select(*(count.label(name) for name, count in counts.items()))).one()
    return dict(row._mapping)


def counted(conn: sa.Connection, bounds: Sequence[datetime]) -> Sequence[Bucket]:
    """What came between each two of some moments that follow each other, in one statement."""
    spans = list(pairwise(bounds))
    asked: list[sa.ScalarSelect[Any]] = []
    for start, end in spans:
        asked.append(_made(completion, "cp", start, end))
        asked.append(_done(issuance.c.generated_at, issuance.c.issuer_id, issuer, start, end))
    row = conn.execute(sa.select(*(one.label(f"n{i}") for i, one in enumerate(asked)))).one()
    return [
        Bucket(start=start, end=end, completed=row[2 * i], certified=row[2 * i + 1])
        for i, (start, end) in enumerate(spans)
    ]


def _made(table: sa.Table, prefix: str, since: datetime, until: datetime) -> sa.ScalarSelect[int]:
    span = table.c.id >= before(prefix, since), table.c.id < before(prefix, until)
    return sa.select(sa.func.count()).select_from(table).where(*span).scalar_subquery()


def _done(
    moment: sa.Column[Any], place: sa.Column[Any], of: sa.Table, since: datetime, until: datetime
) -> sa.ScalarSelect[int]:
    # By each place, as the indexes begin with it.
    each = place.in_(sa.select(of.c.id))
    return (
        sa.select(sa.func.count())
        .select_from(moment.table)
        .where(each, moment >= since, moment < until)
        .scalar_subquery()
    )
