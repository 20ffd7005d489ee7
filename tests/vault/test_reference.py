"""Reference ids as people give them: the one that is meant is found, and no other."""

from __future__ import annotations

import pytest

from vault import reference

MEANT = "VEC-IC-202567DAE48425BA0"


@pytest.mark.parametrize(
    "given",
    [
        MEANT,
        MEANT.lower(),
        "  vec ic 2025 67da e484 25ba0 ",
        "VEC\u2013IC\u2013202567DAE48425BA0",  # a word processor's dashes
        "VECIC202567DAE48425BA0",
        "202567DAE48425BA0",
        "VEC-IC-202567DAE48425BAO",
        "vec-ic-2o2567dae48425ba0",
        "VEC-LC-Z0Z567DAE4842SBAQ",
        "VEC-1C-2025G7DAE48425BA0",
        "\u200eVEC-IC-202567DAE48425BA0\u200f",  # copied from a page that runs the other way
        "\uff36\uff25\uff23-\uff29\uff23-202567DAE48425BA0",  # full width
        "VEC-IC-٢٠٢٥67DAE48425BA٠",
        "https://vault.example.edu/verify/VEC-IC-202567DAE48425BA0?lang=ar",
        "https://vault.example.edu/verify/vec-ic-202567dae48425ba0/",
        "VEC-IC-202567DAE48425BA0.",
    ],
)
def test_what_is_meant_is_read(given: str) -> None:
    assert MEANT == reference.read(given)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "VEC-IC-",
        "VEC-IC-202567DAE48425BA",
        "VEC-IC-202567DAE48425BA00",
        "VEC-IC-A02567DAE48425BA0",
        "VEC-IC-202567DAE48425BAX",
        "ABC-IC-202567DAE48425BA0",
        "VEC-IC-202567DAE48425BA0 VEC-IC-202567DAE48425BA0",
        "VEC-IC-202567DAE48425BA²x",
        "证书",
    ],
)
def test_what_is_none_is_not_guessed_at(given: str) -> None:
    assert reference.read(given) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [(MEANT, 17), ("vec-ic-2025 67", 6), ("VEC-IC-", 0), ("202567DAE48425BA0", None), ("", None)],
)
def test_what_was_typed_is_counted(given: str, expected: int | None) -> None:
    assert expected == reference.count(given)
