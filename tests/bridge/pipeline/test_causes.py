"""Causes: the same word for the same thing going wrong, whoever it goes wrong for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.pipeline.causes import LONGEST, Coded, bug, cause, cause_of
from bridge.store import tables
from connectors.base import Malformed, Permanent, Problem, Temporary
from tests.bridge.world import World
from tests.scripted_vault import answers


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Problem(problem="?", remedy="!"), "complete.refused"),
        (Problem(problem="?", remedy="!", code="not_completed"), "complete.not_completed"),
        (Temporary("?", code="http_503"), "complete.http_503"),
        (Permanent("?", remedy="!", code="Not Enrolled!"), "complete.not_enrolled"),
        (Malformed("$.people[17].e-mail", "is missing"), "complete.malformed.people[].e-mail"),
        (Malformed("$", "is no JSON"), "complete.malformed.whole"),
    ],
)
def test_a_cause_is_named_by_step_code_and_field(told: Coded, expected: str) -> None:
    assert expected == cause_of("complete", told)


def test_a_field_is_named_as_an_admin_knows_it() -> None:
    assert "complete.missing.applicant_email" == cause(
        "complete", "missing", "entry.applicant_email"
    )
    assert "issue.no_glyph.full_name" == cause("issue", "no_glyph", "full name")
    assert "issue.bug.ZeroDivisionError" == bug("issue", "ZeroDivisionError")


@given(st.text(), st.none() | st.text())
def test_whatever_a_plug_in_says_is_a_cause_that_can_be_typed(code: str, field: str | None) -> None:
    step, named, *rest = cause("write_back", code, field).split(".", 2)

    assert "write_back" == step
    assert named
    assert bool(field) == bool(rest)
    assert len(cause("write_back", code, field)) <= LONGEST
    assert not any(character.isspace() for character in cause("write_back", code, field))


def test_trouble_of_one_cause_lasts_since_it_began_and_is_gone_with_its_problem(
    world: World,
) -> None:
    world.vault.then("upload", *[answers(429, {"message": "Too many."})] * 2)
    world.issue()
    first = world.issuance
    world.later()
    world.run("issue")
    second = world.issuance
    world.settle()
    last = world.issuance

    assert "issue.vault_http_429" == first.cause
    assert (first.cause, first.failing_since) == (second.cause, second.failing_since)
    assert (None,) * 4 == (last.problem, last.remedy, last.cause, last.failing_since)


def test_every_step_names_the_cause_of_what_it_cannot_do(world: World) -> None:
    world.post(b"[1]")
    world.complete("bob", learner={"email": "no address"})
    world.lms.without_place.add("42")
    world.generate("ada")
    world.run("write_back")

    assert ["complete.invalid.applicant_email", None] == [
        row.cause
        for row in sorted(world.rows(tables.issuance), key=lambda row: row.learner_id != "bob")
    ]
    assert "normalise.malformed.whole" == world.rows(tables.delivery)[0].cause
    assert "write_back.no_place" == world.write_back.cause
