"""The list of names with real examples."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.expressions import compile_condition
from mappings.listing import listing
from mappings.names import KEY, NAMES
from tests.mappings.samples import AMINA, learner
from tests.mappings.strategies import completions

SITE = "moodle-main"


def examples(*found: object) -> dict[str, str | None]:
    return {each.path: each.example for each in listing(found, site=SITE)}  # type: ignore[arg-type]


def test_without_a_completion_every_fixed_name_is_listed_with_its_meaning() -> None:
    expected = [(n.path, n.meaning, None) for n in NAMES if KEY not in n.path]

    assert expected == [(n.path, n.meaning, n.example) for n in listing([], site=SITE)]


def test_an_example_is_what_stood_there() -> None:
    found = examples(AMINA)

    expected = {
        "course.title": "Introduction to Biology",
        "grade.percent": "87.5",
        "completed_at": "2026-05-17T21:30:00+00:00",
        "cohorts": "nurses-2026, night-shift",
        "enrolled": "120",
        "site": SITE,
    }

    assert expected == {name: found[name] for name in expected}


def test_custom_profile_fields_and_extra_are_listed_one_by_one_as_an_expression_has_them() -> None:
    given = replace(AMINA, extra={"deep": {"er": {"est": 7}}, "none": None, "last": "x"})

    expected = {
        "learner.custom.department": "Cardiology",
        "learner.custom['Student No']": "7",
        "extra.deep.er.est": "7",
        "extra.none": None,
        "extra['last']": "x",
    }

    assert expected == {
        k: v for k, v in examples(given).items() if k.startswith(("learner.custom", "extra"))
    }


def test_what_the_last_completion_lacks_is_told_by_an_earlier_one() -> None:
    last = learner(country=None, custom={"ward": "4"})
    found = examples(last, AMINA)

    expected = ("AE", "4", "Cardiology")

    told = (found["learner.country"], found["learner.custom.ward"])
    assert expected == (*told, found["learner.custom.department"])


@settings(max_examples=25, deadline=None)
@given(st.lists(completions, max_size=2))
def test_whatever_is_listed_can_be_written_in_a_mapping(found: list[object]) -> None:
    for name in examples(*found):
        assert compile_condition(f"{name} == nil").names
