"""What a scripted vault writes down, so that it outlives its process: one SQLite file.

``made`` is the oracle, and only grows: a line for every certificate that was ever made.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from tests.scripted_vault.kept import Kept, Key, UploadedFile


class Unwritten:
    """The journal of a vault that lives and dies with its test."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield

    def made(self, key: Key) -> None: ...
    def keep(self, kept: Kept, *, queued: bool = False) -> None: ...
    def forget(self, kept: Kept) -> None: ...
    def keep_file(self, file: UploadedFile) -> None: ...

    def certificates(self, *, queued: bool = False) -> list[Kept]:
        return []

    def files(self) -> list[UploadedFile]:
        return []

    def ever_made(self) -> Counter[Key]:
        return Counter()


SCHEMA = """
create table if not exists made (
  id integer primary key, email text not null, title text not null, issue_date text);
create table if not exists certificate (
  uuid text primary key, place integer not null, queued integer not null, told text not null,
  content blob not null);
create table if not exists file (
  file_id text primary key, used integer not null, expired integer not null,
  content blob not null);
"""


class Journal(Unwritten):
    """One file; a transaction is all or nothing, whenever the process is killed."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            path, check_same_thread=False, timeout=30, isolation_level=None
        )
        # A killed process loses nothing this way.
        self._connection.execute("pragma synchronous = off")
        self._connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            if self._connection.in_transaction:  # within another, which commits it
                yield
                return
            with self._connection:
                self._connection.execute("begin immediate")
                yield

    def made(self, key: Key) -> None:
        sql = "insert into made (email, title, issue_date) values (?, ?, ?)"
        self._connection.execute(sql, key)

    def keep(self, kept: Kept, *, queued: bool = False) -> None:
        told = {**asdict(kept), "created_at": kept.created_at.isoformat()}
        content = told.pop("content")
        self._connection.execute(
            "insert into certificate (uuid, place, queued, told, content) values"
            " (?, (select ifnull(max(place), 0) + 1 from certificate), ?, ?, ?)"
            " on conflict (uuid) do update set queued = excluded.queued, told = excluded.told",
            (kept.uuid, int(queued), json.dumps(told), content),
        )

    def forget(self, kept: Kept) -> None:
        self._connection.execute("delete from certificate where uuid = ?", (kept.uuid,))

    def keep_file(self, file: UploadedFile) -> None:
        self._connection.execute(
            "insert into file values (?, ?, ?, ?)"
            " on conflict (file_id) do update set used = excluded.used, expired = excluded.expired",
            (file.file_id, int(file.used), int(file.expired), file.content),
        )

    def certificates(self, *, queued: bool = False) -> list[Kept]:
        sql = "select told, content from certificate where queued = ? order by place"
        return [
            Kept(**_told(told), content=content)
            for told, content in self._connection.execute(sql, (int(queued),))
        ]

    def files(self) -> list[UploadedFile]:
        return [
            UploadedFile(file_id=uuid, used=bool(used), expired=bool(expired), content=content)
            for uuid, used, expired, content in self._connection.execute("select * from file")
        ]

    def ever_made(self) -> Counter[Key]:
        """The oracle."""
        rows = self._connection.execute("select email, title, issue_date from made")
        return Counter((email, title, date) for email, title, date in rows)

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _told(text: str) -> dict[str, object]:
    told: dict[str, object] = json.loads(text)
    told["created_at"] = datetime.fromisoformat(str(told["created_at"]))
    return told
