"""What people read, in their language: texts from <language>.po, dates from CLDR (Babel)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.messages.pofile import read_po

#: Language tags we have texts in, with each language's own name, in the order of a switch.
LANGUAGES: Mapping[str, str] = MappingProxyType(
    {"en": "English", "ar": "العربية", "fr": "Français", "es": "Español"}
)
FALLBACK = "en"


def mark(msgid: str) -> str:
    """Return ``msgid`` as it is: marks a text in a table that `translate` is given later."""
    return msgid


def closest(language: str) -> str:
    """The one of `LANGUAGES` that stands for a BCP 47 tag; English where none does."""
    return _known(language) or FALLBACK


def best(tags: Iterable[str]) -> str:
    """The first of these tags, most wanted first, that we have texts in; else English.

    For a browser's wish give ``request.accept_languages.values()``.
    """
    return next(filter(None, map(_known, tags)), FALLBACK)


def direction(language: str) -> str:
    """How the texts of `Translations.translate` run: ``rtl`` or ``ltr``."""
    return Locale.parse(closest(language)).text_direction


def date_words(language: str, day: date) -> str:
    """A date in words ("20 November 2026"); the tag's region chooses among spellings."""
    return format_date(day, format="long", locale=_locale(language))


class Translations:
    """The texts of one folder: a <language>.po for each of `LANGUAGES`, read when first wanted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def translate(self, language: str, msgid: str, **values: object) -> str:
        """Return a text in the closest language we have ("ar-EG", "ar", then English).

        ``msgid`` is the English text; its ``{names}`` are filled in from ``values``. Without
        values the names stand as they are, for a caller that fills them in itself.
        """
        text = self._catalogues[closest(language)].get(msgid, msgid)
        return text.format_map(values) if values else text

    @cached_property
    def _catalogues(self) -> Mapping[str, Mapping[str, str]]:
        return {language: _catalogue(self._folder, language) for language in LANGUAGES}


def _known(tag: str) -> str | None:
    primary = tag.replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else None


def _locale(language: str) -> Locale:
    known = _known(language)
    # A region CLDR does not know ("en-ZZ") must not cost anyone a page.
    try:
        return Locale.parse(language.replace("_", "-"), sep="-") if known else Locale(FALLBACK)
    except (UnknownLocaleError, ValueError):
        return Locale.parse(closest(language))


def _catalogue(folder: Path, language: str) -> Mapping[str, str]:
    with (folder / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    return MappingProxyType(
        {str(message.id): str(message.string) for message in catalogue if message.id}
    )
