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

#: What a row becomes before it is sent: its values as the database takes them.
Row = Mapping[str, Any]


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
    """

    def __init__(
        self,
        table: sa.Table,
        columns: Sequence[str],
        *,
        unless_taken: Sequence[str] = (),
        returning: Sequence[sa.ColumnElement[Any]] = (),
    ) -> None:
        self._table = table
        self._columns = columns
        self._unless_taken = unless_taken
        self._returning = returning

    def add(self, conn: sa.Connection, rows: Sequence[Row]) -> Sequence[sa.Row[Any]]:
        """Insert the rows; return what ``returning`` asks for, of each that was added."""
        if not rows:
            return ()
        if conn.dialect.name == "postgresql":
            result = conn.execute(self._from_document, {"rows": self._document(rows)})
        else:
            result = conn.execute(self._one_by_one, list(rows))
        return result.all() if self._returning else ()

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
    def _from_document(self) -> sa.Executable:
        shape = sa.text(f"NULL::{self._table.name}")
        document = sa.cast(sa.bindparam("rows", type_=sa.Text), postgresql.JSON)
        given = sa.func.json_populate_recordset(shape, document).table_valued(
            *self._columns, with_ordinality="ordinality", name="given"
        )
        rows = sa.select(*(given.c[name] for name in self._columns)).order_by(given.c.ordinality)
        into = postgresql.insert(self._table).from_select(self._columns, rows)
        if self._unless_taken:
            into = into.on_conflict_do_nothing(index_elements=self._unless_taken)
        return into.returning(*self._returning) if self._returning else into

    def _document(self, rows: Sequence[Row]) -> str:
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


def _processor(kind: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Callable[[Any], Any] | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _as_text(value: Any) -> str:
    if isinstance(value, date):  # or a moment
        return value.isoformat()
    raise TypeError(f"{value!r} is not sent in a document yet: say how in runtime/inserting.py")
