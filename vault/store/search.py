"""Searching: without case and accents, words by their beginning, in any script, and fast.

A certificate's fields are kept folded in one narrow row, and each word's beginning, together with
what follows it, in an index of words. What few certificates have is found by that index; what many
have is faster read from the narrow rows. Both say the same, so the choice is one of speed alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from vault.store.tables import metadata

#: Scripts written without spaces between words: there, every character may begin a word.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
#: How much of a text is indexed from each word on, in characters. Longer ones are compared whole.
LONGEST_WORD = 32
#: Up to this many certificates by a word, the index is faster than reading every text.
FEW = 2_000
LAST_CHARACTER = "\U0010ffff"
BETWEEN_FIELDS = "\n"
#: How each database is asked for the place of one text in another; half the time that LIKE takes.
PLACE = {"sqlite": sa.func.instr, "postgresql": sa.func.strpos}

#: What one certificate is searched by.
search_text = sa.Table(
    "search_text",
    metadata,
    sa.Column("institution_id", sa.ForeignKey("institution.id"), primary_key=True),
    sa.Column("certificate_id", sa.ForeignKey("certificate.id"), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
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


def fold(text: str) -> str:
    """Return the words of a text in the form in which they are compared, a space between them."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(_folded(char) for char in plain).split())


def _folded(char: str) -> str:
    if unicodedata.category(char) == "Mn":
        return ""
    if not char.isalnum():
        return " " if not unicodedata.category(char).startswith("M") else char
    if unicodedata.name(char, "").startswith(UNSPACED):
        return f" {char}"
    return char


def folded_fields(fields: Iterable[str]) -> str:
    """What is stored of a certificate's fields: every word with a space before it."""
    return BETWEEN_FIELDS.join(f" {fold(field)}" for field in fields if field)


def words(text: str) -> set[str]:
    """What is indexed of a stored text: from each word on, as much as is indexed."""
    return {
        field[place + 1 : place + 1 + LONGEST_WORD].rstrip()
        for field in text.split(BETWEEN_FIELDS)
        for place, char in enumerate(field)
        if char == " " and len(field) > 1
    }


def index(
    conn: sa.Connection, texts: Iterable[tuple[int, Sequence[str]]], *, institution_id: int
) -> None:
    """Make certificates, each an id and its fields, searchable; none of them is so far."""
    rows, found = [], []
    for certificate_id, fields in texts:
        text = folded_fields(fields)
        own = {"institution_id": institution_id, "certificate_id": certificate_id}
        rows.append({**own, "text": text})
        found += [{**own, "word": word} for word in sorted(words(text))]
    if rows:
        conn.execute(sa.insert(search_text), rows)
    if found:
        conn.execute(sa.insert(search_word), found)


def forget(conn: sa.Connection, certificate_id: int, *, institution_id: int) -> None:
    """Let a certificate no longer be found."""
    own = (
        search_text.c.institution_id == institution_id,
        search_text.c.certificate_id == certificate_id,
    )
    text = conn.execute(sa.select(search_text.c.text).where(*own)).scalar()
    if text is None:
        return
    conn.execute(
        sa.delete(search_word).where(
            search_word.c.institution_id == institution_id,
            search_word.c.certificate_id == certificate_id,
            search_word.c.word.in_(words(text)),
        )
    )
    conn.execute(sa.delete(search_text).where(*own))


def matching(conn: sa.Connection, query: str, *, institution_id: int) -> sa.Select[tuple[int]]:
    """Select the ids, as ``id``, of certificates where each part as typed begins some word."""
    found = sa.select(search_text.c.certificate_id.label("id")).where(
        search_text.c.institution_id == institution_id
    )
    parts = [folded for part in query.split() if (folded := fold(part))]
    if not parts:
        return found.where(sa.false())
    count, rarest = min((_up_to_few(conn, _by_index(part, institution_id)), part) for part in parts)
    if count < FEW:
        found = found.where(search_text.c.certificate_id.in_(_by_index(rarest, institution_id)))
    place = PLACE[conn.dialect.name]
    return found.where(*(place(search_text.c.text, f" {part}") > 0 for part in parts))


def _up_to_few(conn: sa.Connection, found: sa.Select[tuple[int]]) -> int:
    few = found.limit(FEW).subquery()
    return int(conn.execute(sa.select(sa.func.count()).select_from(few)).scalar_one())


def _by_index(part: str, institution_id: int) -> sa.Select[tuple[int]]:
    begins = part[:LONGEST_WORD].rstrip()
    return sa.select(search_word.c.certificate_id).where(
        search_word.c.institution_id == institution_id,
        search_word.c.word >= begins,
        search_word.c.word < begins + LAST_CHARACTER,
    )
