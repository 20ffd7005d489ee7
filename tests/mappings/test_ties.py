"""Which mappings of one priority may want the same completion."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.globs import matches, overlap
from mappings.model import Mapping
from mappings.ties import tied
from tests.mappings.samples import course, mapping

ONE = mapping()
MAY = "a course may fit both"


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
    why = MAY if expected else None
    assert why == tied(ONE, other(match)) == tied(other(match), ONE)


def test_those_of_other_priorities_sites_or_categories_do_not_tie() -> None:
    assert tied(ONE, other())
    assert tied(ONE, other('"*"', ("moodle-main", '"*"')))
    assert not tied(ONE, replace(other(), priority=1))
    assert not tied(ONE, replace(other(), kind="programme"))
    assert not tied(ONE, other('"*"', ("moodle-main", "canvas")))
    one, two = (other(f'"*"\n  category: {name}') for name in ("Biology", "Chem*"))
    assert not tied(one, two)
    assert tied(one, one)


@pytest.mark.parametrize(
    ("site", "change", "expected"),
    [
        ("moodle-main", {}, "the course Introduction to Biology (42) of moodle-main fits both"),
        ("moodle-main", {"title": "Biology, an introduction"}, None),
        ("moodle-main", {"code": "B-101"}, None),
        ("moodle-main", {"category": "Chemistry"}, None),
        ("canvas", {}, None),
    ],
)
def test_two_tie_whose_courses_code_fits_one_and_its_title_the_other_once_it_was_seen(
    site: str, change: dict[str, str], expected: str | None
) -> None:
    by_title = other('"Introduction to *"\n  category: Life*')
    seen = [("moodle-main", course(title="Botany").course), (site, course(**change).course)]

    assert None is tied(ONE, by_title)
    assert expected == tied(ONE, by_title, seen) == tied(by_title, ONE, seen)
    assert None is tied(ONE, replace(by_title, kind="programme"), seen)


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
