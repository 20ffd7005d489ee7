"""Names of people: large and small letters in them, and which part comes first."""

from __future__ import annotations

import re
import unicodedata

_WITHIN = (
    "af aus av bin bint binti da das de degli dei del della den der des di do dos du het ibn la "
    "las los op te ten ter tot van vom von y zu zum zur"
)
#: Words within a name that begin small: van der, de la, bin. At its beginning or end they do not.
PARTICLES = frozenset(_WITHIN.split())
#: Small also where somebody wrote them so: al-Hashimi stays, AL HASHIMI becomes Al Hashimi.
IF_WRITTEN = PARTICLES | {"al", "ap", "el", "ha", "le", "ul", "ur"}
NUMERALS = frozenset({"II", "III", "IV"})

#: Languages that name the family first.
FAMILY_FIRST = frozenset({"hu", "ja", "ko", "vi", "zh"})
#: Those whose i has a dot when it is large, and whose I has none when it is small.
DOTTED_I = frozenset({"az", "tr"})

# A letter and the marks on it; the joiners and U+00B7 stand within words.
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u200c\u200d\u00b7])*")
_COMMA = re.compile(r"\s*[,\u060c\uff0c]\s*")
_APOSTROPHES = ("'", "\u2019")
_EAST_ASIAN = ("CJK UNIFIED", "CJK COMPAT", "HIRAGANA", "KATAKANA", "HANGUL", "IDEOGRAPHIC")


def cased(name: str, language: str = "") -> str:
    """The name with large and small letters as in print: AMINA or amina becomes Amina.

    A word that has both kinds, or none, stays as it is: somebody knew how it is written.
    """
    words = list(_WORD.finditer(name))
    written = not (name.islower() or name.isupper())
    dotted = _base(language) in DOTTED_I or "İ" in name or "ı" in name
    made, end = [], 0
    for number, word in enumerate(words):
        # With a dot behind it, it is an initial.
        inner = 0 < number < len(words) - 1 and name[word.end()] != "."
        made += [name[end : word.start()], _word(name, word, written, inner, dotted)]
        end = word.end()
    return "".join(made) + name[end:]


def _word(name: str, word: re.Match[str], written: bool, inner: bool, dotted: bool) -> str:
    text, before = word[0], name[max(word.start() - 3, 0) : word.start()]
    if not (text.islower() or text.isupper()):
        return text
    small = _lower(text, dotted)
    if written and text == small and small in IF_WRITTEN:
        return text
    if (inner and small in PARTICLES) or not _begins(before, text):
        return small
    if text in NUMERALS and word.end() == len(name):
        return text
    if small.startswith("mc") and len(small) > len("mcx"):
        return "Mc" + _large(small[2:], dotted)
    return _large(small, dotted)


def _begins(before: str, word: str) -> bool:
    """Whether a word begins here: O'Brien and 'Bill', but not the ends of ma'ruf and van 't."""
    if before[-1:] not in _APOSTROPHES:
        return True
    head = before[-3:-1]
    return not head[:-1].isalnum() if head[-1:].isalnum() else len(word) > 1


def _lower(text: str, dotted: bool) -> str:
    return (text.replace("I", "ı").replace("İ", "i") if dotted else text).lower()


def _large(text: str, dotted: bool) -> str:
    first = "İ" if dotted and text.startswith("i") else text[:1].title()
    return first + text[1:] if len(first) == 1 else text  # no name begins with ß


def given_first(name: str) -> str:
    """``Given Family`` of ``Family, Given``; a name without just one comma stays as it is."""
    parts = [part.strip() for part in _COMMA.split(name)]
    if len(parts) != 2 or not all(parts):
        return name
    return " ".join(reversed(parts))


def together(given: str, family: str, language: str = "") -> str:
    """Both parts of a name: the given one first, but for languages and scripts that turn it."""
    if is_east_asian(given + family):
        return family + given
    parts = (family, given) if _base(language) in FAMILY_FIRST else (given, family)
    return " ".join(part for part in parts if part)


def is_east_asian(text: str) -> bool:
    """Whether a text is in letters of which one is a word: Chinese, Japanese, Korean."""
    return bool(text) and all(
        unicodedata.name(character, "").startswith(_EAST_ASIAN) for character in text
    )


def _base(language: str) -> str:
    return re.split("[-_]", language.casefold(), maxsplit=1)[0]
