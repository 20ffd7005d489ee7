"""Which names and addresses are held, and which are not."""

from __future__ import annotations

import pytest

from mappings.doubts import (
    DEAD_ADDRESSES,
    NAME_KINDS,
    NONE,
    PLACEHOLDERS,
    address_doubt,
    is_digest,
    name_doubt,
)

EMAIL, SMALL, LETTER = (problem for problem, _ in NAME_KINDS.values())
PLACEHOLDER = "is a placeholder"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("amina@example.edu", EMAIL),
        ("Amina (amina@example.edu)", EMAIL),
        ("Amina @ Work", None),
        ("amina al hashimi", SMALL),
        ("ludwig van beethoven", SMALL),
        ("анна ахматова", SMALL),
        ("bell أمينة", SMALL),
        ("أمينة الهاشمي", None),
        ("გიორგი", None),
        ("山田太郎", None),
        ("van der Berg", None),
        ("AMINA AL HASHIMI", None),
        ("A", LETTER),
        ("A. H.", LETTER),
        ("Å", LETTER),
        ("-", LETTER),
        ("12 34", LETTER),
        ("A. P. J. Kalam", None),
        ("Amina H", None),
        ("王 伟", None),
        ("김", None),
        ("की", None),
        ("Test User", PLACEHOLDER),
        ("TEST USER 12", PLACEHOLDER),
        ("Admin User", PLACEHOLDER),
        ("Deleted User", PLACEHOLDER),
        ("Test Subject", None),
        ("Thomas Test", None),
        ("Adminah User-Smith", None),
    ],
)
def test_a_name_that_hardly_is_one_is_held(name: str, expected: str | None) -> None:
    assert expected == name_doubt(name, kinds=NAME_KINDS, placeholders=PLACEHOLDERS)


def test_only_what_is_asked_for_is_held() -> None:
    names = ["amina@example.edu", "amina al hashimi", "A", "Test User"]
    none = [name_doubt(name, kinds=[NONE], placeholders=[NONE]) for name in names]
    some = [name_doubt(name, kinds=["single-letter"], placeholders=["al*"]) for name in names]

    assert ([None] * 4, [None, None, LETTER, None]) == (none, some)


@pytest.mark.parametrize(
    ("address", "dead"),
    [
        ("noreply@example.edu", True),
        ("No-Reply@example.edu", True),
        ("root@localhost.localdomain", True),
        ("a@mail.localhost", True),
        ("amina@moodle.invalid", True),
        ("amina.noreply@example.edu", False),
        ("amina@invalid.example.edu", False),
    ],
)
def test_an_address_that_nobody_reads_is_held(address: str, dead: bool) -> None:
    assert dead == (address_doubt(address, dead=DEAD_ADDRESSES) is not None)
    assert address_doubt(address, dead=[NONE]) is None


def test_a_digest_is_known_by_its_form() -> None:
    digest = "0cc175b9c0f1b6a831c399e269772661"

    assert (True, False, False) == tuple(map(is_digest, (digest, digest[1:], f"{digest}@x.edu")))
