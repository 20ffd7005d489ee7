"""Group commit: waiting writers share one transaction, each answered after its commit.

SQLite takes one writer at a time and each commit waits for the disk; sixteen threads that commit
for themselves wait a second, in a shared transaction some milliseconds.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import sqlalchemy as sa

from runtime.database import Database, is_rolled_back

T = TypeVar("T")
LARGEST_GROUP = 200

Write: TypeAlias = Callable[[sa.Connection], Any]
_Waiting: TypeAlias = tuple[Write, Future[Any]]


class GroupCommit(Generic[T]):
    """One writer thread for one database. On PostgreSQL every caller commits for itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        if database.is_sqlite:
            threading.Thread(target=self._run, name="group-commit", daemon=True).start()

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in a transaction; return its result after the commit.

        Raises what ``work`` raised, or SQLAlchemyError if nothing was committed.
        """
        if not self._database.is_sqlite:
            with self._database.write() as conn:
                return work(conn)
        future: Future[T] = Future()
        self._waiting.put((work, future))
        return future.result()

    def waiting(self) -> int:
        """How many callers wait for the next transaction to begin."""
        return self._waiting.qsize()

    def _run(self) -> None:
        while True:
            group = [self._waiting.get()]
            while len(group) < LARGEST_GROUP and not self._waiting.empty():
                group.append(self._waiting.get())
            self._commit(group)

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            with self._database.write() as conn:
                outcomes = [_outcome(conn, work) for work, _ in group]
        # Whatever it is: a caller that is never answered would wait for ever.
        except BaseException as exc:  # noqa: BLE001
            outcomes = [_Failed(exc)] * len(group)
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, _Failed):
                future.set_exception(outcome.problem)
            else:
                future.set_result(outcome)


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
