"""How words are folded for a search."""

from __future__ import annotations

import pytest

from runtime.words import LONGEST_WORD, fold, folded_fields, parts, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("John  SMITH", "john smith"),
        ("Zoë Müller-Straße", "zoe muller strasse"),
        ("john@example.com", "john example com"),
        ("VEC-IC-2025A", "vec ic 2025a"),
        ("王明华", "王 明 华"),
        ("ﬁne", "fine"),
        ("مُحَمَّد", "محمد"),
        ("O'Neill", "o neill"),
        ("Đặng Łukasz Søren ışık İpek Ħal", "dang lukasz soren isik ipek hal"),
        ("ᵺ Œuvre Æsir", "ᵺ œuvre æsir"),
        ("%_\\", ""),
        ("", ""),
    ],
)
def test_a_text_folds(text: str, folded: str) -> None:
    assert folded == fold(text)


def test_every_word_has_a_space_before_it_and_fields_stay_apart() -> None:
    assert " a\n b c" == folded_fields(["A", "", "b-C"])


def test_a_text_is_indexed_from_each_word_on_as_far_as_its_field_goes() -> None:
    assert {"john smith", "smith", "王 明", "明"} == words(folded_fields(["John Smith", "王明"]))
    assert {"x" * LONGEST_WORD} == words(f" {'x' * 40}")
    assert set() == words(folded_fields(["%", ""]))


def test_both_forms_of_an_accent_fold_the_same() -> None:
    assert fold("Nguyễn") == fold("Nguye\u0302\u0303n") == "nguyen"


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("john Smithson", ["smithson", "john"]),
        ("j john JOHN jo", ["john"]),
        ("明 王明华", ["王 明 华"]),
        ("mith smith", ["smith", "mith"]),
        ("% ", []),
    ],
)
def test_a_query_asks_nothing_twice_and_the_longest_first(query: str, asked: list[str]) -> None:
    assert asked == parts(query)
