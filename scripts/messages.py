"""Collect the console's texts for translation: ``python -m scripts.messages LANGUAGE …``.

For each language (``fr``, ``pt_BR``) the catalogue below bridge/console/translations is made or
brought up to date, and compiled. New texts stand in it untranslated; a text that is gone moves to
its end. A translator edits the ``.po``; running this once more compiles it. Without a language it
says how many texts there are.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from bridge.console.reading import CATALOGUES

SOURCES = Path(__file__).parent.parent / "bridge" / "console"
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"silent": "false"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None, "mark": None}


def texts() -> Catalog:
    """Every text of the console's code and templates, with where it stands."""
    found = Catalog(project="Vaultbridge", charset="utf-8")
    for name, line, message, comments, context in extract_from_dir(
        SOURCES, METHODS, OPTIONS, KEYWORDS, strip_comment_tags=True
    ):
        found.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return found


def bring_up_to_date(language: str, folder: Path) -> Catalog:
    """Make or renew the catalogue of a language in ``folder``, and compile it; return it."""
    place = folder / language / "LC_MESSAGES"
    place.mkdir(parents=True, exist_ok=True)
    paper = place / "messages.po"
    catalogue = Catalog(locale=language, project="Vaultbridge", charset="utf-8", fuzzy=False)
    if paper.exists():
        with paper.open("rb") as file:
            catalogue = read_po(file, locale=language, abort_invalid=True)
    catalogue.update(texts(), no_fuzzy_matching=True)
    save(catalogue, folder)
    return catalogue


def save(catalogue: Catalog, folder: Path) -> None:
    """Write a catalogue as translators read it, and as programs do."""
    place = folder / str(catalogue.locale) / "LC_MESSAGES"
    with (place / "messages.po").open("wb") as file:
        write_po(file, catalogue, sort_output=True, width=100)
    with (place / "messages.mo").open("wb") as file:
        write_mo(file, catalogue)


def main(languages: list[str]) -> None:
    """Renew the catalogues of these languages."""
    if not languages:
        print(f"{len(texts())} texts. Give languages: python -m scripts.messages fr ar")  # noqa: T201
    for language in languages:
        catalogue = bring_up_to_date(language, CATALOGUES)
        left = sum(1 for one in catalogue if one.id and not one.string)
        print(f"{language}: {left} of {len(catalogue)} texts are not translated yet")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
