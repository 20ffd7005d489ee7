"""The vault's texts: every one in every language, with the same names in it, and used somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

import vault
from runtime.translations import LANGUAGES
from vault import texts

VAULT = Path(vault.__file__).parent


def catalogue(language: str) -> dict[str, str]:
    with (VAULT / "texts" / f"{language}.po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file, abort_invalid=True) if m.id}


def used() -> Iterator[str]:
    """Every text named in the code and in the templates, by babel's own extractors."""
    for path in VAULT.rglob("*.py"):
        yield from _named(path, "python", {"mark": None, "translate": (2,)})
    for path in VAULT.rglob("templates/**/*.html"):
        yield from _named(path, "jinja2.ext:babel_extract", {"say": None, "plain": None})


def _named(path: Path, method: str, keywords: dict[str, tuple[int, ...] | None]) -> Iterator[str]:
    with path.open("rb") as file:
        for _, message, _, _ in extract(method, file, keywords=keywords):
            assert isinstance(message, str)
            yield message


def names_in(text: str) -> list[str]:
    return sorted(re.findall(r"{(\w*)}", text))


def test_every_text_that_is_used_is_there_and_no_other() -> None:
    found = set(used())

    assert "Your certificate is ready" in found
    assert "Check the file" in found
    assert found == set(catalogue("en"))


def test_english_says_what_the_code_says() -> None:
    english = catalogue("en")

    assert {text: text for text in english} == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_with_the_same_names(language: str) -> None:
    expected = {text: names_in(text) for text in catalogue("en")}

    found = catalogue(language)

    assert expected == {text: names_in(said) for text, said in found.items()}
    assert [] == [text for text, said in found.items() if not said.strip()]


@pytest.mark.parametrize("language", [tag for tag in LANGUAGES if tag != "en"])
def test_no_text_was_left_in_english(language: str) -> None:
    found = catalogue(language)

    assert [] == [text for text, said in found.items() if text == said]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "1 June 2025"),
        ("ar", "1 يونيو 2025"),
        ("fr", "1 juin 2025"),
        ("es", "1 de junio de 2025"),
    ],
)
def test_a_date_cannot_be_misread(language: str, expected: str) -> None:
    assert expected == texts.date_words(language, date(2025, 6, 1))
