"""Time zones and languages: which there are, and dates in them (IANA through tzdata, CLDR)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from mappings.mistakes import did_you_mean

DATE_STYLES = ("full", "long", "medium", "short")

#: The languages that a printed page has its fixed texts in: those of certificates/texts.yaml.
PAGE_LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "pt", "zh")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_problem(name: str) -> str | None:
    """Why this is no time zone; None if it is one."""
    if name in _zones():
        return None
    meant = did_you_mean(name, _zones())
    return f'"{name}" is no time zone{meant or "; write one such as Asia/Dubai or UTC"}'


def language_problem(tag: str) -> str | None:
    """Why this is no language (BCP 47, "ar" or "pt-BR"); None if it is one."""
    try:
        _locale(tag)
    except (UnknownLocaleError, ValueError):
        return f'"{tag}" is no language; write one such as en, ar or pt-BR'
    return None


def page_language(tag: str) -> str | None:
    """The language that a page is printed in where this one is wanted; None if there are no texts.

    LMSs have variants that nobody else knows, such as Moodle's ``de_du``: that is ``de``.
    """
    primary = tag.replace("_", "-").partition("-")[0].lower()
    if primary not in PAGE_LANGUAGES:
        return None
    return primary if language_problem(tag) else tag


def page_language_problem(tag: str) -> str | None:
    """Why no page is printed in this language; None if pages are."""
    problem = language_problem(tag)
    if problem or page_language(tag):
        return problem
    return f'no page has texts in "{tag}"; there are: {", ".join(PAGE_LANGUAGES)}'


def style_problem(style: str) -> str | None:
    """Why this is no way to write a date; None if it is one."""
    if style in DATE_STYLES:
        return None
    return f'"{style}" is no date style; write one of: {", ".join(DATE_STYLES)}'


def day_in(moment: datetime, zone: str) -> date:
    """The calendar day of a moment in a known zone. Raises ValueError or OverflowError."""
    return moment.astimezone(UTC).astimezone(ZoneInfo(zone)).date()


def spelled(day: date, tag: str, style: str) -> str:
    """The day in words of a known language."""
    return format_date(day, format=style, locale=_locale(tag))


@lru_cache(maxsize=256)
def _locale(tag: str) -> Locale:
    return Locale.parse(tag.replace("_", "-"), sep="-")
