"""What learners read: the texts of this folder, in the languages of `runtime.translations`."""

from __future__ import annotations

from pathlib import Path

from runtime.translations import (
    FALLBACK,
    LANGUAGES,
    Translations,
    best,
    closest,
    date_words,
    direction,
    mark,
)

__all__ = [
    "FALLBACK",
    "LANGUAGES",
    "best",
    "closest",
    "date_words",
    "direction",
    "mark",
    "translate",
]

#: See `runtime.translations.Translations.translate`.
translate = Translations(Path(__file__).parent).translate
