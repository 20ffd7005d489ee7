"""The commits of a database's writers, counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from runtime.database import Database


class Commits:
    """How many there were."""

    count = 0

    def note(self, conn: sa.Connection) -> None:
        # What only reads ends with a commit, too, and waits for no disk.
        self.count += not conn.get_execution_options().get("reads_only")


@contextmanager
def commits_of(database: Database) -> Iterator[Commits]:
    """Count while this lasts; on SQLite."""
    seen = Commits()
    sa.event.listen(database.engine, "commit", seen.note)
    yield seen
    sa.event.remove(database.engine, "commit", seen.note)
