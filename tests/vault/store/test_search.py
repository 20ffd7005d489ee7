"""How words are folded for a search."""

from __future__ import annotations

import pytest

from vault.store.search import fold, search_text


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
        ("%_\\", ""),
        ("", ""),
    ],
)
def test_a_text_folds(text: str, folded: str) -> None:
    assert folded == fold(text)


def test_every_word_has_a_space_before_it() -> None:
    assert " a b c" == search_text(["A", "b-C"])


def test_both_forms_of_an_accent_fold_the_same() -> None:
    assert fold("Nguyễn") == fold("Nguye\u0302\u0303n") == "nguyen"
