"""Inserts: ones that may meet a row which is there already, and many rows as one statement.

psycopg takes a statement apart anew each time it holds more than fifty values, and that takes
longer than all else: on PostgreSQL many rows travel as one value, a JSON document, in a statement
whose text is the same however many they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

#: The parameter by which rows travel.
ROWS = "rows"
#: The parameter by which the keys of those that were added travel.
ADDED = "added"
#: What a row becomes before it is sent: its values as the database takes them.
Row = Mapping[str, Any]
#: What is asked of the rows that were added, which it is given as a table.
Then = Callable[[sa.FromClause], "sa.Select[Any]"]


def insert(conn: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
    return insert_for(conn.dialect.name, table)


def insert_for(dialect: str, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """As `insert`, for a database of that kind."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


class Rows:
    """An insert of many rows that all give the same columns; made once, used from many threads.

    ``unless_taken`` names the columns of a unique key: rows whose key is there already are left
    out. ``returning`` is told of those that were added; in their order, where none can be left out.
    Or ``then``, a query over those that were added, in any order, which on PostgreSQL is part of
    the same statement. Their table has a primary key of one column for that.
    """

    def __init__(
        self,
        table: sa.Table,
        columns: Sequence[str],
        *,
        unless_taken: Sequence[str] = (),
        returning: Sequence[sa.ColumnElement[Any]] = (),
        then: Then | None = None,
    ) -> None:
        self._table = table
        self._columns = columns
        self._unless_taken = unless_taken
        self._returning, self._then, self._afterwards = returning, then, None
        if then is not None:
            (key,) = self._returning = (*table.primary_key.columns,)
            self._afterwards = then(table).where(key.in_(sa.bindparam(ADDED, expanding=True)))

    def add(self, conn: sa.Connection, rows: Sequence[Row]) -> Sequence[sa.Row[Any]]:
        """Insert the rows; return what ``returning`` asks for, of each that was added."""
        if not rows:
            return ()
        if conn.dialect.name == "postgresql":
            result = conn.execute(self._statement, {ROWS: self.document(rows)})
            return result.all() if result.returns_rows else ()
        result = conn.execute(self._one_by_one, list(rows))
        added = result.all() if result.returns_rows else ()
        if self._afterwards is None:
            return added
        return conn.execute(self._afterwards, {ADDED: [key for (key,) in added]}).all()

    @cached_property
    def _one_by_one(self) -> sa.Executable:
        """SQLite takes a statement up again at no cost."""
        into = sqlite.insert(self._table)
        if self._unless_taken:
            into = into.on_conflict_do_nothing(index_elements=self._unless_taken)
        if not self._returning:
            return into
        return into.returning(*self._returning, sort_by_parameter_order=not self._unless_taken)

    @cached_property
    def _statement(self) -> sa.Executable:
        into = self.from_document(ROWS)
        if self._then is not None:
            return self._then(into.returning(*self._table.c).cte(ADDED))
        return into.returning(*self._returning) if self._returning else into

    def from_document(self, parameter: str) -> postgresql.Insert:
        """PostgreSQL's insert of what `document` makes of the rows, given as this parameter."""
        shape = sa.text(f"NULL::{self._table.name}")
        document = sa.cast(sa.bindparam(parameter, type_=sa.Text), postgresql.JSON)
        given = sa.func.json_populate_recordset(shape, document).table_valued(
            *self._columns, with_ordinality="ordinality", name="given"
        )
        rows = sa.select(*(given.c[name] for name in self._columns)).order_by(given.c.ordinality)
        into = postgresql.insert(self._table).from_select(self._columns, rows)
        if self._unless_taken:
            into = into.on_conflict_do_nothing(index_elements=self._unless_taken)
        return into

    def document(self, rows: Sequence[Row]) -> str:
        """The rows as one value."""
        ready = [(name, self._ready[name]) for name in self._columns]
        told = [
            {name: make(row[name]) if make else row[name] for name, make in ready} for row in rows
        ]
        return json.dumps(told, default=_as_text)

    @cached_property
    def _ready(self) -> Mapping[str, Callable[[Any], Any] | None]:
        """What makes of each column's value the one that is written into the document."""
        dialect: sa.Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        kinds = {name: self._table.c[name].type for name in self._columns}
        return {
            # A document within the document needs no text of its own.
            name: None if isinstance(kind, sa.JSON) else _processor(kind, dialect)
            for name, kind in kinds.items()
        }


class Both:
    """Two inserts that return nothing; on PostgreSQL they travel as one statement."""

    def __init__(self, first: Rows, second: Rows) -> None:
        self._each = (first, second)

    def add(self, conn: sa.Connection, first: Sequence[Row], second: Sequence[Row]) -> None:
        """Insert the rows of each."""
        given = tuple(zip(self._each, (first, second), strict=True))
        if conn.dialect.name == "postgresql":
            documents = {f"{ROWS}_{n}": rows.document(them) for n, (rows, them) in enumerate(given)}
            conn.execute(self._statement, documents)
        else:
            for rows, them in given:
                rows.add(conn, them)

    @cached_property
    def _statement(self) -> sa.Executable:
        first, second = (
            rows.from_document(f"{ROWS}_{number}") for number, rows in enumerate(self._each)
        )
        return second.add_cte(first.cte("first"))


def _processor(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Callable[[Any], Any] | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _as_text(value: Any) -> str:
    if isinstance(value, date):  # or a moment
        return value.isoformat()
    raise TypeError(f"{value!r} is not sent in a document yet: say how in runtime/inserting.py")
