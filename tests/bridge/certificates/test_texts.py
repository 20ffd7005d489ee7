"""The languages of the page: whole, spelled right, and printed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from bridge.certificates.page import Page, RenderError
from bridge.certificates.texts import language, languages
from mappings.locales import PAGE_LANGUAGES
from tests.bridge.certificates import reading
from tests.bridge.certificates.pages import a_page

DAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("tag", "spelled"),
    [
        ("en", "November 20, 2026"),
        ("en-GB", "20 November 2026"),
        ("EN_us", "November 20, 2026"),
        ("ar", "20 نوفمبر 2026"),
        ("ar-AE", "20 نوفمبر 2026"),
        ("fr", "20 novembre 2026"),
        ("es", "20 de noviembre de 2026"),
        ("de", "20. November 2026"),
        ("pt-BR", "20 de novembro de 2026"),
        ("hi", "20 नवंबर 2026"),
        ("zh", "2026年11月20日"),
        ("zh-Hant-TW", "2026年11月20日"),
        ("en-ZZ", "November 20, 2026"),
        ("de-XX", "20. November 2026"),
        ("en-nonsense-at-all", "November 20, 2026"),
    ],
)
def test_the_date_is_spelled_as_the_language_spells_it(tag: str, spelled: str):
    assert spelled == language(tag).spelled(DAY)


@pytest.mark.parametrize("tag", ["", "tlh", "x", "-", "en2"])
def test_an_unknown_language_names_those_there_are(tag: str):
    with pytest.raises(RenderError) as refused:
        language(tag)

    assert refused.value.remedy.endswith("one of: ar, de, en, es, fr, hi, pt, zh.")


def test_mappings_know_the_languages_that_there_are():
    assert PAGE_LANGUAGES == languages()


def test_every_language_has_every_text():
    def shape(node: object) -> object:
        return {k: shape(v) for k, v in node.items()} if isinstance(node, dict) else type(node)

    shapes = {tag: shape(dict(language(tag).texts)) for tag in languages()}

    assert dict.fromkeys(languages(), shapes["en"]) == shapes


def _letters(line: str) -> str:
    """A line's letters, in whatever order and with whatever spaces a reader of PDF finds them."""
    return "".join(sorted("".join(line.casefold().split())))


@pytest.mark.parametrize("tag", languages())
@pytest.mark.parametrize("sentence", ["awarded", "completed"])
def test_a_page_prints_its_fixed_texts_in_every_language(
    printed: Callable[[Page], bytes], tag: str, sentence: str
) -> None:
    spoken = language(tag)
    said = spoken.texts["sentences"][sentence]
    fixed = {spoken.texts["heading"], spoken.texts["date"], *filter(None, said.values())}
    fixed |= {spoken.spelled(DAY), spoken.valid_until(date(2028, 11, 20))}

    given = {"sentence": sentence, "validity": "2 years"}
    pdf = printed(a_page(language=tag, parameters=given))

    assert set(map(_letters, fixed)) <= set(map(_letters, reading.text(pdf).split("\n")))
    assert 0 == reading.boxes_shown(pdf)


def test_only_arabic_is_written_from_the_right():
    assert {"ar"} == {tag for tag in languages() if language(tag).data()["direction"] == "rtl"}
