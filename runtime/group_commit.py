"""Group commit: waiting writers share one transaction, each answered after its commit.

SQLite takes one writer at a time and each commit waits for the disk; sixteen threads that commit
for themselves wait a second, in a shared transaction some milliseconds.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from runtime.database import Database

T = TypeVar("T")
LARGEST_GROUP = 200

Write = Callable[[sa.Connection], Any]


class GroupCommit(Generic[T]):
    """One writer thread for one database. On PostgreSQL every caller commits for itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[tuple[Write, Future[Any]]] = queue.SimpleQueue()
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

    def _run(self) -> None:
        while True:
            group = [self._waiting.get()]
            while len(group) < LARGEST_GROUP and not self._waiting.empty():
                group.append(self._waiting.get())
            self._commit(group)

    def _commit(self, group: list[tuple[Write, Future[Any]]]) -> None:
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        try:
            with self._database.write() as conn:
                for work, future in group:
                    try:
                        with conn.begin_nested():
                            done.append((future, work(conn)))
                    except Exception as exc:  # noqa: BLE001  # one caller's error is that caller's
                        failed.append((future, exc))
        except SQLAlchemyError as exc:
            failed = [(future, exc) for _, future in group]
            done = []
        for future, result in done:
            future.set_result(result)
        for future, problem in failed:
            future.set_exception(problem)
