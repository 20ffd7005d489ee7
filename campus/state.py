"""Everything the campus remembers, in one SQLite database behind one lock."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
create table if not exists person (
  id integer primary key, username text not null unique, firstname text not null,
  lastname text not null, email text not null, idnumber text not null, lang text not null,
  country text not null, deleted integer not null default 0);
create table if not exists course (
  id integer primary key, fullname text not null, shortname text not null,
  idnumber text not null, visible integer not null, criteria integer not null,
  modified integer not null);
create table if not exists enrolment (
  course integer not null, person integer not null, role text not null,
  suspended integer not null default 0, primary key (course, person));
create table if not exists assignment (
  id integer primary key autoincrement, course integer not null, name text not null,
  idnumber text not null, intro text not null, maximum integer not null,
  nosubmissions integer not null, comments integer not null, workflow integer not null,
  hidden integer not null default 0, locked integer not null default 0,
  modified integer not null);
-- What the assignment holds; the gradebook has a copy of its own, which may lag behind.
create table if not exists mark (
  id integer primary key autoincrement, assignment integer not null, person integer not null,
  grade real not null, comment text not null, format integer not null,
  created integer not null, modified integer not null, grader integer not null,
  unique (assignment, person));
create table if not exists gradebook (
  assignment integer not null, person integer not null, grade real, feedback text not null,
  format integer not null, graded integer not null, primary key (assignment, person));
-- Whose cells a teacher changed in the gradebook itself.
create table if not exists override (
  assignment integer not null, person integer not null, primary key (assignment, person));
-- A course completion is a row with an id; unlocking deletes it, the criterion's time stays.
create table if not exists completion (
  id integer primary key autoincrement, course integer not null, person integer not null,
  completed integer not null, unique (course, person));
create table if not exists criterion (
  course integer not null, person integer not null, completed integer not null,
  primary key (course, person));
create table if not exists customcert (
  id integer primary key autoincrement, course integer not null, name text not null);
create table if not exists customcert_issue (
  id integer primary key autoincrement, customcert integer not null, person integer not null,
  code text not null, created integer not null, unique (customcert, person));
create table if not exists mail (
  id integer primary key autoincrement, at integer not null, course integer not null,
  person integer not null, subject text not null);
create table if not exists hook_log (
  id integer primary key autoincrement, at integer not null, objectid integer not null,
  course integer not null, person integer not null, userid integer not null,
  status text not null);
"""


class State:
    """The database. Reading and writing are safe from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the file, or a database in memory where no path is given."""
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        # A killed process loses nothing this way; a power cut may, which a stand-in can bear.
        self._connection.execute("pragma synchronous = off")
        self._connection.executescript(SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock; commit at the end, or roll back where an error passes."""
        with self._lock, self._connection:
            yield self._connection

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Return every row of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, *values: object) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        with self._lock:
            row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
            return row

    def write(self, sql: str, *values: object) -> int:
        """Run one statement in a transaction of its own; return the id of a row it inserted."""
        with self.transaction() as connection:
            return connection.execute(sql, values).lastrowid or 0

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()
