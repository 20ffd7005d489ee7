"""Which language a text and a date come in, for whatever tag a person or a browser names."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from runtime import translations

HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
PO = HEADER + 'msgid "Hi {{name}}"\nmsgstr "{said}"\n'
SAID = {"en": "Hi {name}", "ar": "أهلا {name}", "fr": "Salut {name}", "es": "Hola {name}"}


@pytest.fixture
def texts(tmp_path: Path) -> translations.Translations:
    for language, said in SAID.items():
        (tmp_path / f"{language}.po").write_text(PO.format(said=said), encoding="utf-8")
    return translations.Translations(tmp_path)


def test_a_text_comes_from_the_folders_catalogue(texts: translations.Translations) -> None:
    assert "Salut {x}" == texts.translate("fr-CA", "Hi {name}", name="{x}")
    assert "Hola {name}" == texts.translate("es", "Hi {name}")
    assert "Hi Ann" == texts.translate("de", "Hi {name}", name="Ann")


def test_a_text_that_no_catalogue_has_stays_english(texts: translations.Translations) -> None:
    assert "Bye" == texts.translate("ar", "Bye")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (["de", "fr-CH", "ar"], "fr"),
        (["zh-Hant", "ar-SA"], "ar"),
        (["de", "*"], "en"),
        ([], "en"),
    ],
)
def test_the_first_wish_we_can_grant_is_granted(wanted: list[str], expected: str) -> None:
    assert expected == translations.best(wanted)


def test_each_language_runs_its_way() -> None:
    expected = {"en": "ltr", "ar": "rtl", "fr": "ltr", "es": "ltr"}

    assert expected == {
        language: translations.direction(language) for language in translations.LANGUAGES
    }
    assert "ltr" == translations.direction("he")


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "November 20, 2026"),
        ("en-GB", "20 November 2026"),
        ("en-ZZ", "November 20, 2026"),
        ("fr", "20 novembre 2026"),
        ("es-MX", "20 de noviembre de 2026"),
        ("ar", "20 نوفمبر 2026"),
        ("de", "November 20, 2026"),
        ("en-!", "November 20, 2026"),
    ],
)
def test_a_date_is_spelled_as_its_language_does(language: str, expected: str) -> None:
    assert expected == translations.date_words(language, date(2026, 11, 20))
