"""What people read on the vault's pages and in its mails; see `runtime.translations`."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from runtime import translations

#: See `runtime.translations.Translations.translate`.
translate = translations.Translations(Path(__file__).parent).translate


def date_words(language: str, day: date) -> str:
    """A date in words. English dates begin with the day, which nobody reads as a month."""
    return translations.date_words("en-GB" if language == "en" else language, day)
