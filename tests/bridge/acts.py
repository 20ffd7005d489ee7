"""Whatever a person changes leaves an act in the audit log: seen wherever tests do such things.

A command or a form that writes and says nothing fails the test that uses it, whatever it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

_WRITES = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+\"?(\w+)", re.IGNORECASE)
_COLUMNS = re.compile(r"INSERT INTO event \(([^)]*)\)")
#: What changes without a person's meaning it: who is signed in and when they were seen, how often
#: something was tried, what a try of a connection found, the schema, processes' signs of life, and
#: the history itself.
BOOKKEEPING = frozenset(
    {"session", "rate", "process", "alembic_version", "event", "api_request", "connection_check"}
)
#: When somebody was here last, and how they read; what has expired is forgotten by whoever comes
#: next; whether a vault can revoke is asked of it where it matters; an interrupted decision is
#: carried out further.
_NO_ACT = re.compile(
    r"UPDATE (person|api_token) SET (seen_at|last_used_at|time_zone|language)="
    r"|DELETE FROM invitation"
    r"|UPDATE issuer SET revokes=|UPDATE hold SET (released|discarded)=",
    re.IGNORECASE,
)


class Acts:
    """What was written to, and how many acts were written down."""

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self.count = 0

    def note(
        self, _conn: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        found = _WRITES.match(statement)
        if found is None or cursor.rowcount == 0:
            return
        if found[1] == "event" and _COLUMNS.match(statement):
            rows = parameters if many else [parameters]
            self.count += sum(_is_act(statement, row) for row in rows)
        elif found[1] not in BOOKKEEPING and not _NO_ACT.match(statement):
            self.tables.add(found[1])


def _is_act(statement: str, row: Any) -> bool:
    if isinstance(row, dict):
        return row.get("act_on") is not None
    columns = _COLUMNS.match(statement)
    assert columns, statement
    names = [name.strip(' "') for name in columns[1].split(",")]
    return row[names.index("act_on")] is not None


@contextmanager
def written_down(what: str) -> Iterator[Acts]:
    """Fail where something is changed meanwhile and no act is written down."""
    acts = Acts()
    sa.event.listen(sa.Engine, "after_cursor_execute", acts.note)
    try:
        yield acts
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", acts.note)
    assert acts.count or not acts.tables, (
        f"{what} changed {sorted(acts.tables)} and left no act: events.record(…, who=…) it"
    )
