"""Which mappings of one priority may want the same completion."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.globs import matches, overlap
from mappings.model import Mapping
from mappings.ties import tie
from tests.mappings.samples import mapping

ONE = mapping()


def other(match: str = '"BIO-1*"', *changes: tuple[str, str]) -> Mapping:
    return mapping(("course-completion", "other"), ('"BIO-*"', match), *changes)


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ('"*"', True),
        ('"BIO-1*"', True),
        ('"*-101"', True),
        ("[CHEM-1, bio-7]", True),
        ('"CHEM-*"', False),
        ('"BIO"', False),
        ('"*"\n  category: Chemistry', True),
        ('"*"\n  when: role', True),
    ],
)
def test_two_tie_whose_courses_may_be_the_same(match: str, expected: bool) -> None:
    assert expected == tie(ONE, other(match)) == tie(other(match), ONE)


def test_those_of_other_priorities_sites_or_categories_do_not_tie() -> None:
    assert tie(ONE, other())
    assert tie(ONE, other('"*"', ("moodle-main", '"*"')))
    assert not tie(ONE, replace(other(), priority=1))
    assert not tie(ONE, replace(other(), kind="programme"))
    assert not tie(ONE, other('"*"', ("moodle-main", "canvas")))
    one, two = (other(f'"*"\n  category: {name}') for name in ("Biology", "Chem*"))
    assert not tie(one, two)
    assert tie(one, one)


PIECES = st.lists(st.sampled_from(["*", "?", "a", "b", "ab"]), max_size=5).map("".join)


@given(PIECES, PIECES, st.lists(st.sampled_from("ab"), max_size=6).map("".join))
def test_two_globs_overlap_if_a_text_fits_both(one: str, two: str, text: str) -> None:
    if matches(one, text) and matches(two, text):
        assert overlap(one, two)
    assert overlap(one, two) == overlap(two, one)
    assert overlap(one, one)


@given(PIECES, st.text("ab", max_size=6))
def test_a_glob_overlaps_a_plain_text_exactly_if_it_fits(glob: str, text: str) -> None:
    assert matches(glob, text) == overlap(glob, text)
