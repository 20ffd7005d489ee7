"""The ids that a log line names, so that a delivery's own finds its whole story in one search.

A delivery's id is on its completions and issuances: it survives whatever is killed on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from bridge.store import ids, write_backs

#: What a row may name besides itself.
_NAMED = ("delivery_id", "completion_id", "issuance_id")


def of(row: sa.Row[Any]) -> dict[str, str]:
    """The row's own id, and those of what it came from."""
    kind = ids.kind_of(row.id) or "row"
    found = {f"{kind.replace('-', '_').replace(' ', '_')}_id": str(row.id)}
    named = ((name, getattr(row, name, None)) for name in _NAMED)
    return {**{name: value for name, value in named if value is not None}, **found}


def of_all(rows: Iterable[sa.Row[Any]]) -> dict[str, Sequence[str]]:
    """The same of many rows in one line."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        for name, value in of(row).items():
            found.setdefault(f"{name}s", {})[value] = None
    return {name: list(values) for name, values in found.items()}


def of_write_backs(conn: sa.Connection, row_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Of gradebook rows: the certificates that they tell, and where these came from."""
    told = write_backs.certificates(conn, row_ids)
    return {
        "write_back_ids": list(row_ids),
        **of_all(row for found in told.values() for row in found),
    }
