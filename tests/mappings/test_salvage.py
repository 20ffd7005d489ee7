"""What is still known of a stored document that no longer loads: whose completions it has."""

from __future__ import annotations

import pytest

from mappings.document import DocumentError, load
from mappings.engine import Held, apply
from mappings.model import ANY_SITE, AgainKind, Mapping
from mappings.salvage import salvage
from tests.mappings.samples import AMINA

#: As after an upgrade that has taken a filter away.
DOCUMENT = """\
mapping: 1
name: biology
issuer: second
kind: programme
site: moodle-main
priority: 7
again: always
write_back: none
match:
  course: "BIO-*"
  when: "grade.percent >= 60"
entry:
  certificate_title: "{{ course.title | polish }}"
  full_name: "{{ learner.full_name }}"
  applicant_email: "{{ learner.email }}"
"""


def salvaged(*changes: tuple[str, str]) -> Mapping:
    document = DOCUMENT
    for old, new in changes:
        assert old in document
        document = document.replace(old, new)
    with pytest.raises(DocumentError) as caught:
        load(document)
    return salvage(document, name="biology", error=caught.value)


def test_it_has_the_completions_that_it_had_and_makes_nothing_of_them() -> None:
    mapping = salvaged()
    good = load(DOCUMENT.replace(" | polish", ""))

    kept = ("name", "issuer", "kind", "sites", "priority", "again", "write_back")
    assert [getattr(good, key) for key in kept] == [getattr(mapping, key) for key in kept]
    assert good.match.courses == mapping.match.courses
    assert mapping.match.when is not None
    held = apply(mapping, AMINA, site="moodle-main")
    assert isinstance(held, Held)
    (problem,) = held.problems
    assert ("biology", "document") == (problem.field, problem.code)
    assert problem.problem.startswith("no longer loads: 13:41: entry.certificate_title: ")
    assert "vaultbridge mappings add FILE" in problem.remedy


def test_what_cannot_be_read_of_it_is_taken_for_anything() -> None:
    condition = salvaged(("grade.percent", "grade.per_cent"))
    course = salvaged(('"BIO-*"', "[]"), ("moodle-main", "moodle main"))

    assert (("BIO-*",), None, ("moodle-main",)) == (
        condition.match.courses,
        condition.match.when,
        condition.sites,
    )
    assert (("*",), (ANY_SITE,), 7) == (course.match.courses, course.sites, course.priority)


@pytest.mark.parametrize("change", [("match:", "match: {{"), ("mapping: 1", "mapping: {")])
def test_of_no_yaml_nothing_is_known_but_its_name(change: tuple[str, str]) -> None:
    mapping = salvaged(change)

    assert ("biology", ("*",), (ANY_SITE,), AgainKind.NEVER) == (
        mapping.name,
        mapping.match.courses,
        mapping.sites,
        mapping.again.kind,
    )
