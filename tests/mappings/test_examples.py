"""Each starter document loads, and makes of a completion what its comments promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from importlib.resources import files
from itertools import combinations

import pytest

from connectors.base import Completion, Grade
from mappings.document import Mapping, load
from mappings.engine import Entry, Held, apply, choose
from mappings.model import Again, AgainKind
from mappings.ties import tied
from tests.mappings.samples import AMINA, course, learner

EXAMPLES = {
    each.name.removesuffix(".yaml"): load(each.read_text(encoding="utf-8"))
    for each in files("mappings").joinpath("examples").iterdir()
    if each.name.endswith(".yaml")
}
SITE = "moodle-main"


def chosen(completion: Completion, site: str = SITE) -> str | None:
    found = choose(list(EXAMPLES.values()), completion, site=site)
    return found[0].name if found else None


def entry(name: str, completion: Completion) -> Entry:
    made = apply(EXAMPLES[name], completion, site=SITE)
    assert isinstance(made, Entry), made
    return made


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_the_name_of_its_file(name: str) -> None:
    assert isinstance(EXAMPLES[name], Mapping)
    assert name == EXAMPLES[name].name


def test_the_examples_share_completions_by_priority() -> None:
    english = course(language="en", code="HIST-1", title="History")

    expected = {
        "no other": "course-completion",
        "arabic course": "arabic",
        "graded biology": "only-with-grade",
        "fire safety": "several-courses",
        "refresher": "yearly-refresher",
    }

    assert expected == {
        "no other": chosen(english),
        "arabic course": chosen(replace(english, learner=replace(AMINA.learner, language="ar"))),
        "graded biology": chosen(course(language="en")),
        "fire safety": chosen(course(code="fire-01")),
        "refresher": chosen(course(code="REFRESH-BLS")),
    }


def test_course_completion_names_the_course_and_the_day_in_dubai() -> None:
    expected = Entry(
        certificate_title="Certificate of Completion: Introduction to Biology",
        full_name="Amina Al Hashimi",
        applicant_email="amina@example.edu",
        issue_date=date(2026, 5, 18),
        details="",
        language="en",
        trace=(),
    )

    assert expected == entry("course-completion", AMINA)


@pytest.mark.parametrize(
    ("percent", "name", "details"),
    [
        ("59.9", None, "Final grade: 60 of 100."),
        ("60", "only-with-grade", "Final grade: 60 of 100."),
        ("90.00000", "only-with-grade", "Final grade: 90 of 100. With distinction."),
    ],
)
def test_only_with_grade_wants_60_and_praises_90(
    percent: str, name: str | None, details: str
) -> None:
    graded = replace(course(language="en"), grade=Grade(percent=Decimal(percent)))
    found = choose([EXAMPLES["only-with-grade"]], graded, site=SITE)

    assert name == (found[0].name if found else None)
    assert details == entry("only-with-grade", graded).details


def test_arabic_prefers_the_arabic_name_and_spells_the_date() -> None:
    expected = Entry(
        certificate_title="شهادة إتمام: Introduction to Biology",
        full_name="أمينة الهاشمي",
        applicant_email="amina@example.edu",
        issue_date=date(2026, 5, 18),
        details="أتم المقرر في 18 مايو 2026.",
        language="ar",
        trace=(),
    )

    assert expected == entry("arabic", learner(custom={"name_ar": "أمينة الهاشمي"}))


def test_several_courses_gives_each_its_title_and_leaves_out_test_accounts() -> None:
    fire = course(code="FIRE-01")
    tester = replace(fire, cohorts=("test-accounts",))

    expected = Entry(
        certificate_title="Fire Safety for Staff",
        full_name="AL HASHIMI, Amina",
        applicant_email="amina@example.edu",
        issue_date=date(2026, 5, 17),
        details="Staff number: S-20417\nGroups: nurses-2026, night-shift",
        language="en",
        parameters={"border": False},
        trace=(),
    )

    assert expected == entry("several-courses", fire)
    assert chosen(tester) != "several-courses"
    assert chosen(fire, site="canvas") != "several-courses"
    assert EXAMPLES["several-courses"].certificate.parameters == {"border": False}


def test_a_programme_is_issued_beside_the_course() -> None:
    final = course(code="NUR-FINAL", language="en")
    wanted = choose(list(EXAMPLES.values()), final, site=SITE)

    assert ["course-completion", "programme"] == [mapping.name for mapping in wanted]
    assert "Nursing Programme" == entry("programme", final).certificate_title


@pytest.mark.parametrize(("language", "name"), [("hu", "Bartók Béla"), ("en", "Béla Bartók")])
def test_names_in_order_follow_the_course(language: str, name: str) -> None:
    told = course(code="LANG-1", language=language)
    typed = replace(told, learner=replace(AMINA.learner, given_name="béla", family_name="BARTÓK"))

    assert "names-in-order" == chosen(typed)
    assert name == entry("names-in-order", typed).full_name


def test_a_personal_address_goes_before_the_universitys_which_is_held() -> None:
    graduate = course(category="Graduate school of Medicine")
    diploma = {"diploma_name": "Dr Amina Al Hashimi", "second_email": "amina@home.example"}
    at_home = replace(graduate, learner=replace(AMINA.learner, custom=diploma))
    only_there = replace(graduate, learner=replace(AMINA.learner, email="a@students.example.edu"))

    made = entry("personal-address", at_home)

    assert ("personal-address", "course-completion") == (
        chosen(graduate),
        chosen(course(language="en", code="HIST-1", title="History")),
    )
    assert ("Dr Amina Al Hashimi", "amina@home.example") == (made.full_name, made.applicant_email)
    assert isinstance(apply(EXAMPLES["personal-address"], only_there, site=SITE), Held)


def test_staff_only_takes_names_as_they_are_and_nobody_else() -> None:
    staff = replace(course(code="SAFE-1"), cohorts=("staff-night",))
    short = replace(staff, learner=replace(AMINA.learner, full_name="amina"))

    assert ("staff-only", True) == (chosen(staff), chosen(course(code="SAFE-1")) != "staff-only")
    assert "amina" == entry("staff-only", short).full_name


@pytest.mark.parametrize(
    ("percent", "title"),
    [
        ("49", None),
        ("50", "Introduction to Biology"),
        ("70", "Introduction to Biology, with merit"),
        ("85", "Introduction to Biology, with distinction"),
    ],
)
def test_grade_bands_stand_in_the_title(percent: str, title: str | None) -> None:
    grade = Grade(percent=Decimal(percent), points=Decimal("17.25"), maximum=Decimal(20))
    exam = replace(course(code="EXAM-BIO", language="en"), grade=grade)

    wanted = chosen(exam) == "grade-bands"

    assert (title is not None) == wanted
    if wanted:
        made = entry("grade-bands", exam)
        assert title == made.certificate_title
        assert "Passed on May 17, 2026 with 17.3 of 20 points." == made.details


def test_the_examples_may_all_be_in_use_together() -> None:
    pairs = combinations(EXAMPLES.values(), 2)

    assert [] == [(one.name, other.name) for one, other in pairs if tied(one, other)]


def test_yearly_refresher_goes_to_the_private_address_once_a_year() -> None:
    late = replace(learner(custom={"private_email": "a@home.example"}), completed_at=None)

    assert entry("yearly-refresher", late).applicant_email == "a@home.example"
    assert entry("yearly-refresher", late).issue_date == date(2026, 5, 18)
    assert EXAMPLES["yearly-refresher"].write_back.target == "none"
    assert EXAMPLES["yearly-refresher"].again == Again(
        kind=AgainKind.AFTER, after=timedelta(days=300)
    )
