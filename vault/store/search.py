"""Searching: without case and accents, words by their beginning, in any script, and fast.

A certificate's fields are kept folded in one narrow row, and each word's beginning, together with
what follows it, in an index of words. What few certificates have is found by that index; what many
have is faster read from the narrow rows. Both say the same, so the choice is one of speed alone.

So that reading them is enough, the narrow rows also hold what a list's filters compare; when it
changes, a trigger in the database copies it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from runtime.inserting import Both, Rows
from runtime.words import LAST_CHARACTER, LONGEST_WORD, PLACE, fold, folded_fields, parts, words
from vault.store.tables import metadata

#: A query for certificates' ids, called ``id``.
Ids: TypeAlias = sa.Select[tuple[int]]

#: Up to this many certificates by a word, the index is faster than reading every text.
FEW = 2_000
#: So many parts of a query are looked up in the index, the longest; one is mostly enough.
LOOKED_UP = 8
#: From so many parts on, a query is probably a text as it stands in a certificate.
QUOTATION = 6

#: What one certificate is searched by and narrowed by: from status on, copies of its columns.
search_text = sa.Table(
    "search_text",
    metadata,
    sa.Column("institution_id", sa.ForeignKey("institution.id"), primary_key=True),
    sa.Column("certificate_id", sa.ForeignKey("certificate.id"), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("status", sa.String(16)),
    sa.Column("issue_date", sa.Date),
    sa.Column("email_key", sa.Text),
    sa.Column("batch_id", sa.Integer),
    sqlite_with_rowid=False,
)

#: From each of its words on. Sorted by code points, so that a beginning is a range.
search_word = sa.Table(
    "search_word",
    metadata,
    sa.Column("institution_id", sa.ForeignKey("institution.id"), primary_key=True),
    sa.Column(
        "word",
        sa.String(LONGEST_WORD).with_variant(
            postgresql.VARCHAR(LONGEST_WORD, collation="C"), "postgresql"
        ),
        primary_key=True,
    ),
    sa.Column("certificate_id", sa.ForeignKey("certificate.id"), primary_key=True),
    sqlite_with_rowid=False,
)


#: What the narrow rows hold of a certificate beside its text.
COMPARED = ("status", "issue_date", "email_key", "batch_id")
_texts_and_words = Both(
    Rows(search_text, ("institution_id", "certificate_id", "text", *COMPARED)),
    Rows(search_word, ("institution_id", "certificate_id", "word")),
)


def index(
    conn: sa.Connection,
    texts: Iterable[tuple[int, Sequence[str]]],
    *,
    institution_id: int,
    compared: Mapping[int, Mapping[str, Any]] = MappingProxyType({}),
) -> None:
    """Make certificates, each an id and its fields, searchable; none of them is so far.

    ``compared`` are their values of the columns that are copied, by id.
    """
    rows, found = [], []
    for certificate_id, fields in texts:
        text = folded_fields(fields)
        own = {"institution_id": institution_id, "certificate_id": certificate_id}
        values = compared.get(certificate_id, {})
        rows.append({**own, "text": text, **{name: values.get(name) for name in COMPARED}})
        found += [{**own, "word": word} for word in sorted(words(text))]
    _texts_and_words.add(conn, rows, found)


def leave(
    conn: sa.Connection, certificate_id: int, fields: Sequence[str], *, institution_id: int
) -> None:
    """Let a certificate be found by these alone of the fields that it was found by."""
    mine = (
        search_text.c.institution_id == institution_id,
        search_text.c.certificate_id == certificate_id,
    )
    before: str = conn.execute(sa.select(search_text.c.text).where(*mine)).scalar_one()
    text = folded_fields(fields)
    conn.execute(sa.update(search_text).where(*mine).values(text=text))
    conn.execute(
        sa.delete(search_word).where(
            search_word.c.institution_id == institution_id,
            search_word.c.certificate_id == certificate_id,
            search_word.c.word.in_(words(before) - words(text)),
        )
    )


def found(
    conn: sa.Connection,
    query: str | None,
    *,
    institution_id: int,
    narrowed: Sequence[sa.ColumnElement[bool]],
    by_index: Sequence[Ids],
) -> Ids:
    """Select the certificates where each part of the query as typed begins some word.

    Of these only the ones that meet the conditions ``narrowed`` on `search_text`, each of which
    may also be given as the ids that an index finds for it.
    """
    ids = sa.select(search_text.c.certificate_id.label("id")).where(
        search_text.c.institution_id == institution_id, *narrowed
    )
    sought = parts(query or "")
    if query is not None and not sought:
        return ids.where(sa.false())
    lookups = [*by_index, *(_by_word(part, institution_id) for part in sought[:LOOKED_UP])]
    counts = [_up_to_few(conn, lookup) for lookup in lookups]
    if min(counts) < FEW:
        fewest = lookups[counts.index(min(counts))]
        ids = ids.where(search_text.c.certificate_id.in_(fewest))
    return ids.where(_contained(conn, query or "", sought))


def _contained(conn: sa.Connection, query: str, sought: Sequence[str]) -> sa.ColumnElement[bool]:
    place = PLACE[conn.dialect.name]

    def has(part: str) -> sa.ColumnElement[bool]:
        return place(search_text.c.text, f" {part}") > 0

    each = sa.and_(sa.true(), *map(has, sought))
    return sa.or_(has(fold(query)), each) if len(sought) >= QUOTATION else each


def _up_to_few(conn: sa.Connection, lookup: Ids) -> int:
    few = lookup.limit(FEW).subquery()
    return int(conn.execute(sa.select(sa.func.count()).select_from(few)).scalar_one())


def _by_word(part: str, institution_id: int) -> Ids:
    begins = part[:LONGEST_WORD].rstrip()
    return sa.select(search_word.c.certificate_id).where(
        search_word.c.institution_id == institution_id,
        search_word.c.word >= begins,
        search_word.c.word < begins + LAST_CHARACTER,
    )
