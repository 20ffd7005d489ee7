"""The languages a page can be printed in: fixed texts from texts.yaml, dates from CLDR (Babel)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from bridge.certificates.page import RenderError

_TABLE = Path(__file__).with_name("texts.yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language of the table, with the locale that spells its dates."""

    locale: Locale
    texts: Mapping[str, Any]  #: one entry of texts.yaml

    def data(self) -> dict[str, Any]:
        """What a template is told of its language."""
        return {
            "language": self.locale.language,
            "region": self.locale.territory,
            "direction": self.locale.text_direction,
            "texts": dict(self.texts),
        }

    def spelled(self, day: date) -> str:
        """The date in words, e.g. "20 November 2026" ("long" in CLDR)."""
        return format_date(day, format="long", locale=self.locale)

    def valid_until(self, day: date) -> str:
        """That a certificate is valid until this day."""
        told: str = self.texts["valid_until"]
        return told.replace("{date}", self.spelled(day))

    def fixed_texts(self) -> str:
        """All texts of the table in one, for the glyph check."""
        return "\n".join(_leaves(self.texts))


def language(tag: str) -> Language:
    """Return the language of a BCP 47 tag; its region only chooses how the date is spelled.

    Raises RenderError, naming what there is, for a language the table does not have.
    """
    if not known(tag):
        raise RenderError(
            f"There are no texts for a certificate in the language {tag!r}.",
            remedy=f"Set the mapping's certificate language to one of: {', '.join(languages())}.",
            code="language",
        )
    primary, _, rest = tag.replace("_", "-").partition("-")
    return Language(locale=_locale(primary, rest), texts=_table()[_primary(tag)])


def known(tag: str) -> bool:
    """Whether the table has the language of a BCP 47 tag."""
    return _primary(tag) in _table()


def languages() -> tuple[str, ...]:
    """The languages of the table, sorted."""
    return tuple(sorted(_table()))


def _primary(tag: str) -> str:
    return tag.replace("_", "-").partition("-")[0].lower()


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    return MappingProxyType(yaml.safe_load(_TABLE.read_text(encoding="utf-8")))


@cache
def _locale(primary: str, rest: str) -> Locale:
    # A region CLDR does not know ("en-ZZ") must not cost anyone a certificate.
    try:
        return Locale.parse(f"{primary}-{rest}" if rest else primary, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(primary.lower())


def _leaves(node: Mapping[str, Any]) -> Iterator[str]:
    for value in node.values():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        elif isinstance(value, str):
            yield value
