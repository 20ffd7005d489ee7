"""Making many out of few: every row that certificates left behind, copied under other names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bridge.store import tables
from runtime.database import Database

#: The tables that grow with each certificate, what is referred to first. Files stay shared: their
#: bytes are looked up by nothing.
GROWING = (
    tables.delivery,
    tables.completion,
    tables.issuance,
    tables.listed,
    tables.listed_word,
    tables.target,
    tables.attempt,
    tables.link,
    tables.write_back,
    tables.event,
)
#: What a copy must have of its own, and refers to other copies by.
_NAMES = frozenset(
    {
        "id",
        "dedupe_key",
        "delivery_id",
        "completion_id",
        "issuance_id",
        "natural_key",
        "vault_uuid",
        "subject",
        "learner_id",
        "applicant_email",
    }
)
#: The end of a copy's names: in no name of the first ones.
_MARK, _LENGTH = "~", 5
#: So many copies are made by one statement: each looks through the whole table for the first ones.
_TOGETHER = 50


def multiply(database: Database, times: int) -> None:
    """Have every certificate so many times."""
    ends = [f"{_MARK}{number:0{_LENGTH - 1}x}" for number in range(1, times)]
    for begin in range(0, len(ends), _TOGETHER):
        with database.write() as conn:
            for table in GROWING:
                conn.execute(_copies(table, ends[begin : begin + _TOGETHER]))
    with database.engine.connect() as conn:
        conn.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("ANALYZE"))


def _copies(table: sa.Table, ends: Sequence[str]) -> sa.Insert:
    columns = [c for c in table.c if not (c.name == "id" and c.autoincrement is True)]
    named = [c for c in columns if c.name in _NAMES]
    each = sa.union_all(*(sa.select(sa.literal(end).label("its_end")) for end in ends)).subquery()
    values = [_other(c, each.c.its_end) if c in named else c for c in columns]
    first_ones = (
        sa.select(*values)
        .select_from(table.join(each, sa.true()))
        .where(sa.not_(named[0].contains(_MARK)))
    )
    return table.insert().from_select([c.name for c in columns], first_ones)


def _other(column: sa.Column[Any], end: sa.ColumnElement[str]) -> sa.ColumnElement[Any]:
    if column.name == "natural_key":  # a hash fills its column
        return sa.func.substr(column, _LENGTH + 1).concat(end)
    return column.concat(end)
