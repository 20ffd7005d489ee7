"""Learners' texts: every one in every language, with the same names in it, and used somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

import bridge
from bridge import texts

BRIDGE = Path(bridge.__file__).parent


def catalogue(language: str) -> dict[str, str]:
    with (BRIDGE / "texts" / f"{language}.po").open("rb") as file:
        return {str(m.id): str(m.string) for m in read_po(file, abort_invalid=True) if m.id}


def used() -> Iterator[str]:
    """Every text named in the code and in the templates, by babel's own extractors."""
    for path in BRIDGE.rglob("*.py"):
        yield from _named(path, "python", {"mark": None, "translate": (2,)})
    for path in BRIDGE.rglob("templates/learner/*.html"):
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

    assert "Issued" in found
    assert "Download certificate (PDF)" in found
    assert found == set(catalogue("en"))


def test_english_says_what_the_code_says() -> None:
    english = catalogue("en")

    assert {text: text for text in english} == english


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_every_language_has_every_text_with_the_same_names(language: str) -> None:
    expected = {text: names_in(text) for text in catalogue("en")}

    found = catalogue(language)

    assert expected == {text: names_in(said) for text, said in found.items()}
    assert [] == [text for text, said in found.items() if not said.strip()]


@pytest.mark.parametrize("language", [tag for tag in texts.LANGUAGES if tag != "en"])
def test_no_text_was_left_in_english(language: str) -> None:
    found = catalogue(language)

    assert [] == [text for text, said in found.items() if text == said]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Issued"),
        ("ar", "صدرت"),
        ("ar-EG", "صدرت"),
        ("ar_EG", "صدرت"),
        ("AR", "صدرت"),
        ("fr-CA", "Délivré"),
        ("es-419", "Emitido"),
        ("de", "Issued"),
        ("arn", "Issued"),
        ("", "Issued"),
    ],
)
def test_a_text_comes_in_the_closest_language(language: str, expected: str) -> None:
    assert expected == texts.translate(language, "Issued")


def test_values_are_filled_in_and_never_read_as_a_format() -> None:
    said = texts.translate("fr", "Please ask {institution} for a new link.", institution="{x} & Co")

    assert "Veuillez demander un nouveau lien à {x} & Co." == said


def test_without_values_the_names_stay() -> None:
    said = texts.translate("es", "Please ask {institution} for a new link.")

    assert "Solicite un nuevo enlace a {institution}." == said
