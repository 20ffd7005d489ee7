"""In which language and time zone the console is read: as somebody chose, else as browsers say."""

from __future__ import annotations

from pathlib import Path

from babel import Locale
from flask import Flask, current_app, g, request
from flask_babel import Babel

#: A folder for each language: ``<language>/LC_MESSAGES/messages.po`` and ``.mo``; see
#: `scripts.messages`.
CATALOGUES = Path(__file__).parent / "translations"
_LANGUAGES = "vaultbridge.console.languages"


def install(app: Flask) -> None:
    """Have an application's pages read so."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(CATALOGUES))
    babel = Babel(app, locale_selector=_language, timezone_selector=_zone)
    with app.app_context():
        found = {str(one): one for one in babel.list_translations()}
    app.extensions[_LANGUAGES] = {"en": Locale("en"), **found}


def languages() -> dict[str, str]:
    """The languages that there are texts in, each with its own name."""
    known: dict[str, Locale] = current_app.extensions[_LANGUAGES]
    return {code: str(locale.get_display_name(locale)) for code, locale in known.items()}


def _language() -> str:
    known = current_app.extensions[_LANGUAGES]
    person = g.get("person")
    if person is not None and person.language in known:
        return str(person.language)
    wanted = request.accept_languages.best_match([code.replace("_", "-") for code in known])
    return wanted.replace("-", "_") if wanted else "en"


def _zone() -> str | None:
    person = g.get("person")
    return None if person is None else person.time_zone
