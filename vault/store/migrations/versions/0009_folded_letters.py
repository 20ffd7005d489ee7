"""What a search compares has plain letters also where they are written with a stroke: đ, ł, ø."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from runtime.words import BETWEEN_FIELDS, folded_fields, words

revision = "vault_0009"
down_revision = "vault_0008"

PAGE = 1_000
KEY = ("institution_id", "certificate_id")
search_text = sa.table("search_text", *map(sa.column, (*KEY, "text")))
search_word = sa.table("search_word", *map(sa.column, (*KEY, "word")))


def upgrade() -> None:
    """Fold every text anew, and index anew what comes out otherwise."""
    conn = op.get_bind()
    for row in _texts(conn):
        before, after = row.text, folded_fields(row.text.split(BETWEEN_FIELDS))
        if after != before:
            own = {name: row._mapping[name] for name in KEY}
            conn.execute(sa.update(search_text).filter_by(**own).values(text=after))
            gone = sa.delete(search_word).filter_by(**own)
            conn.execute(gone.where(search_word.c.word.in_(words(before) - words(after))))
            if new := [{**own, "word": word} for word in sorted(words(after) - words(before))]:
                conn.execute(sa.insert(search_word), new)


def _texts(conn: sa.Connection) -> Iterator[sa.Row[Any]]:
    """Every text that may come out otherwise, with its key, a page in memory at a time."""
    key = sa.tuple_(search_text.c.institution_id, search_text.c.certificate_id)
    found = sa.select(search_text).order_by(*key.clauses).limit(PAGE)
    last: Sequence[int] = (0, 0)
    while rows := conn.execute(found.where(key > sa.tuple_(*map(sa.literal, last)))).all():
        yield from (row for row in rows if not row.text.isascii())
        last = rows[-1][:2]
