"""The direction a text is written in."""

from __future__ import annotations

import pytest

from bridge.certificates.page import direction


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Amina", "ltr"),
        ("محمد علي", "rtl"),
        ("משה", "rtl"),
        ("(محمد) Ali", "rtl"),
        ("Ali (محمد)", "ltr"),
        ("2026 محمد", "rtl"),
        ("अमित", "ltr"),
    ],
)
def test_the_first_letter_that_has_a_direction_decides(text: str, expected: str):
    assert expected == direction(text)


@pytest.mark.parametrize("otherwise", ["ltr", "rtl"])
def test_a_text_without_letters_follows_its_page(otherwise: str):
    assert otherwise == direction("2026 - 12", otherwise=otherwise)
