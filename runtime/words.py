"""Words as people look for them: without case and accents, by their beginning, in any script."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

import sqlalchemy as sa

#: Scripts written without spaces between words: there, every character may begin a word.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
#: How much of a text is indexed from each word on, in characters. Longer ones are compared whole.
LONGEST_WORD = 32
LAST_CHARACTER = "\U0010ffff"
BETWEEN_FIELDS = "\n"
#: How each database is asked for the place of one text in another; half the time that LIKE takes.
PLACE = {"sqlite": sa.func.instr, "postgresql": sa.func.strpos}


def fold(text: str) -> str:
    """Return the words of a text in the form in which they are compared, a space between them."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(_folded(char) for char in plain).split())


@lru_cache(maxsize=4096)  # the same few characters again and again
def _folded(char: str) -> str:
    if unicodedata.category(char) == "Mn":
        return ""
    if not char.isalnum():
        return " " if not unicodedata.category(char).startswith("M") else char
    if unicodedata.name(char, "").startswith(UNSPACED):
        return f" {char}"
    return _plain(char)


def _plain(letter: str) -> str:
    """A Latin letter without what its name says it is with: d for đ, LETTER D WITH STROKE.

    Unicode takes apart what is written above or below a letter, not what is written through it.
    """
    name = unicodedata.name(letter, "")
    base = name.partition(" WITH ")[0].replace("DOTLESS ", "")
    if base == name or not name.startswith("LATIN "):
        return letter
    try:
        return unicodedata.lookup(base).casefold()
    except KeyError:  # there is no such letter without
        return letter


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


def parts(query: str, folded: Callable[[str], str] = fold) -> list[str]:
    """What a query asks for, folded: the longest, which say most, first, and nothing twice."""
    sought = {folded(part) for part in query.split()} - {""}
    longest_first = sorted(sought, key=lambda part: (-len(part), part))
    return [
        part
        for place, part in enumerate(longest_first)
        if not any(f" {part}" in f" {longer}" for longer in longest_first[:place])
    ]
