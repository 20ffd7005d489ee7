"""Globs on a course's id, code or title: ``*`` any text, ``?`` any character, nothing else."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from functools import lru_cache

_LOOKED_AT = 1_000  #: characters


@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    # [ means itself here: course codes have it ("BIO[2026]").
    return re.compile(fnmatch.translate(_folded(glob).replace("[", "[[]")))


def matches(glob: str, text: str | None) -> bool:
    """Whether a glob fits the whole text, whatever the case. Nothing fits no text.

    Of a text longer than any title, only the beginning is looked at.
    """
    return text is not None and _pattern(glob).match(_folded(text[:_LOOKED_AT])) is not None


def overlap(one: str, other: str) -> bool:
    """Whether some text fits both globs."""
    a, b = _folded(one), _folded(other)
    # Row by row from the ends: whether what is left of both fits a common text.
    row = [all(each == "*" for each in b[j:]) for j in range(len(b) + 1)]
    for sign in reversed(a):
        before, row = row, [False] * (len(b) + 1)
        row[-1] = sign == "*" and before[-1]
        for j in reversed(range(len(b))):
            if "*" in (sign, b[j]):
                row[j] = before[j] or row[j + 1]
            else:
                row[j] = before[j + 1] and (sign == b[j] or "?" in (sign, b[j]))
    return row[0]


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())
