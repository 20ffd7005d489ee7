"""How a search compares: without case and accents, words by their beginning, in any script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import sqlalchemy as sa

from vault.store.tables import certificate

#: Scripts written without spaces between words: there, every character may begin a word.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


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


def search_text(parts: Iterable[str]) -> str:
    """What is stored beside a certificate to search in: every word with a space before it."""
    return "".join(f" {fold(part)}" for part in parts)


def matches(query: str) -> sa.ColumnElement[bool]:
    """Certificates in which each part of the query, as typed, begins some word."""
    parts = [folded for part in query.split() if (folded := fold(part))]
    if not parts:
        return sa.false()
    # fold leaves letters, digits and spaces: no LIKE wildcard can be in it.
    return sa.and_(*(certificate.c.search_text.like(f"% {part}%") for part in parts))
