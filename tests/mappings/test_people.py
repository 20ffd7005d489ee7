"""Names of people: the cases that docs/mappings.md has no room for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import people


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", ""),
        ("amina", "Amina"),
        ("van der berg", "Van der Berg"),
        ("van der Berg", "van der Berg"),
        ("de la Cruz", "de la Cruz"),
        ("AMINA AL HASHIMI", "Amina Al Hashimi"),
        ("amina al-hashimi", "Amina Al-Hashimi"),
        ("jacobus henricus van 't hoff", "Jacobus Henricus van 't Hoff"),
        ("WILLIAM 'BILL' BAILEY", "William 'Bill' Bailey"),
        ("SAINT-JEAN-DE-LUZ", "Saint-Jean-de-Luz"),
        ("john y. smith", "John Y. Smith"),
        ("ortega y gasset", "Ortega y Gasset"),
        ("MC", "Mc"),
        ("Mcdonald", "Mcdonald"),
        ("D'ARTAGNAN", "D'Artagnan"),
        ("amina hashimi PhD", "Amina Hashimi PhD"),
        ("JOSE\u0301 MARI\u0301A", "Jose\u0301 Mari\u0301a"),
        ("İBRAHİM IŞIK", "İbrahim Işık"),
        ("STRAUSS", "Strauss"),
        ("weiß", "Weiß"),
        ("گلاره LEYLA", "گلاره Leyla"),
    ],
)
def test_a_name_gets_its_large_and_small_letters(written: str, expected: str) -> None:
    assert expected == people.cased(written)
    assert expected == people.cased(expected)


@pytest.mark.parametrize(
    ("language", "expected"), [("tr", "İpek Işık"), ("az-Latn", "İpek Işık"), ("en", "Ipek Işik")]
)
def test_turkish_has_two_kinds_of_i(language: str, expected: str) -> None:
    written = "IPEK IŞIK" if language == "en" else "İPEK IŞIK"

    assert expected == people.cased(written, language)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Al Hashimi, Amina", "Amina Al Hashimi"),
        ("الهاشمي، أمينة", "أمينة الهاشمي"),
        ("Amina Al Hashimi", "Amina Al Hashimi"),
        ("Hashimi, Amina, PhD", "Hashimi, Amina, PhD"),
        ("Hashimi,", "Hashimi,"),
        ("", ""),
    ],
)
def test_a_family_name_before_a_comma_goes_behind(written: str, expected: str) -> None:
    assert expected == people.given_first(written)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("Amina", "Hashimi", ""), "Amina Hashimi"),
        (("Béla", "Bartók", "hu-HU"), "Bartók Béla"),
        (("Taro", "Yamada", "ja"), "Yamada Taro"),
        (("민준", "김", ""), "김민준"),
        (("", "Hashimi", ""), "Hashimi"),
        (("Amina", "", "hu"), "Amina"),
        (("", "", ""), ""),
    ],
)
def test_two_parts_stand_in_the_order_of_their_language(
    parts: tuple[str, str, str], expected: str
) -> None:
    assert expected == people.together(*parts)


LETTERS = st.text(st.sampled_from("abcxyzABCéÉßİıñЯяΩωσΣ'’-. mcoODdvan"), max_size=30)


@given(LETTERS)
def test_a_name_once_written_right_stays_so(name: str) -> None:
    made = people.cased(name)

    assert made == people.cased(made)


@given(st.text(st.characters(categories=["Lo", "Mn", "Mc", "Zs", "Po"]), max_size=40))
def test_scripts_without_large_letters_stay_as_they_are(name: str) -> None:
    assert name == people.cased(name)
