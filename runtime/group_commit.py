"""Group commit: waiting writers share one transaction, each answered after its commit.

SQLite takes one writer at a time and each commit waits for the disk; sixteen threads that commit
for themselves wait a second, in a shared transaction some milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import sqlalchemy as sa

from runtime.database import Database, is_rolled_back
from runtime.together import Together

T = TypeVar("T")

Write: TypeAlias = Callable[[sa.Connection], Any]


class GroupCommit(Generic[T]):
    """One writer thread for one database. On PostgreSQL every caller commits for itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together = Together(self._commit, name="group-commit") if database.is_sqlite else None

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in a transaction; return its result after the commit.

        Raises what ``work`` raised, or SQLAlchemyError if nothing was committed.
        """
        if self._together is None:
            with self._database.write() as conn:
                return work(conn)
        outcome = self._together.ask(work)
        if isinstance(outcome, _Failed):
            raise outcome.problem
        result: T = outcome
        return result

    def waiting(self) -> int:
        """How many callers wait for the next transaction to begin."""
        return self._together.waiting() if self._together is not None else 0

    def _commit(self, works: Sequence[Write]) -> Sequence[Any]:
        with self._database.write(urgent=True) as conn:
            return [_outcome(conn, work) for work in works]


@dataclass(frozen=True, slots=True)
class _Failed:
    problem: BaseException


def _outcome(conn: sa.Connection, work: Write) -> Any:
    try:
        with conn.begin_nested():
            return work(conn)
    except BaseException as exc:
        if is_rolled_back(conn):
            raise  # with it went what the callers before had written
        return _Failed(exc)  # one caller's error is that caller's
