"""The engine: which mapping is chosen, what entry it makes, and why it makes none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from connectors.base import Completion, Zone
from mappings.engine import (
    Dated,
    Entry,
    FieldProblem,
    FieldTrace,
    Held,
    apply,
    choose,
    misfit,
    natural_key,
)
from mappings.entry import DETAILS_LIMIT, NO_MOMENT, REF_MARK
from mappings.expressions import compile_text
from mappings.names import KEY, NAMES, Kind, Name
from mappings.values import values_of
from tests.mappings.samples import AMINA, course, learner, mapping

SITE = "moodle-main"

REPLAY = "Correct it in the mapping, then replay the completion."
EMPTY_NAME = (
    "Complete the learner's name in the LMS, or name another source in the mapping, then replay."
)
EMPTY_EMAIL = (
    "Complete the learner's e-mail address in the LMS, or name another source in the mapping, "
    "then replay."
)
SHORTEN = "Shorten it in the LMS, or with | truncate: 255 in the mapping, then replay."


def entry(completion: Completion = AMINA, *changes: tuple[str, str]) -> Entry:
    made = apply(mapping(*changes), completion, site=SITE, traced=True)
    assert isinstance(made, Entry), made
    return made


def problems(completion: Completion = AMINA, *changes: tuple[str, str]) -> list[FieldProblem]:
    held = apply(mapping(*changes), completion, site=SITE)
    assert isinstance(held, Held), held
    return list(held.problems)


def detailed(text: str) -> tuple[str, str]:
    return ('  full_name: "{{ learner.full_name }}"', f'  full_name: "x"\n  details: {text}')


def dated(text: str) -> tuple[str, str]:
    return ("  full_name:", f'  issue_date: "{text}"\n  full_name:')


def test_an_entry_is_made_as_the_mapping_says() -> None:
    expected = Entry(
        certificate_title="Introduction to Biology",
        full_name="Amina Al Hashimi",
        applicant_email="amina@example.edu",
        issue_date=date(2026, 5, 17),
        details="",
        language="en",
        trace=(),
    )

    assert expected == entry()


def test_each_field_says_where_its_value_came_from() -> None:
    change = ('course: "BIO-*"', 'course: "BIO-*"\n  when: grade.percent >= 60')

    expected = (
        FieldTrace(
            field="match.when",
            expression="grade.percent >= 60",
            inputs=(("grade.percent", "87.5"),),
            result="holds",
        ),
        FieldTrace(
            field="entry.certificate_title",
            expression="{{ course.title }}",
            inputs=(("course.title", "Introduction to Biology"),),
            result="Introduction to Biology",
        ),
        FieldTrace(
            field="entry.full_name",
            expression="{{ learner.full_name }}",
            inputs=(("learner.full_name", "Amina Al Hashimi"),),
            result="Amina Al Hashimi",
        ),
        FieldTrace(
            field="entry.applicant_email",
            expression="{{ learner.email }}",
            inputs=(("learner.email", "amina@example.edu"),),
            result="amina@example.edu",
        ),
        FieldTrace(
            field="entry.issue_date",
            expression="{{ completed_at | local_date: timezone }}",
            inputs=(("completed_at", "2026-05-17T21:30:00+00:00"), ("timezone", "UTC")),
            result="2026-05-17",
            filters=(("local_date: 'UTC'", "2026-05-17"),),
        ),
        FieldTrace(field="entry.details", expression="", inputs=(), result=""),
        FieldTrace(field="certificate.language", expression="en", inputs=(), result="en"),
    )

    assert expected == entry(AMINA, change).trace


def test_a_trace_says_what_each_filter_gave_and_what_was_tidied() -> None:
    change = (
        '"{{ learner.full_name }}"',
        "\"{{ learner.custom.alias | default: learner.full_name | append: ' X' }}\"",
    )

    trace = entry(learner(full_name="Ame\u0301lie  \u200eB"), change).trace[1]

    expected = (
        ("default: 'Ame\u0301lie  \u200eB'", "Ame\u0301lie  \u200eB"),
        ("append: ' X'", "Ame\u0301lie  \u200eB X"),
    )
    assert expected == trace.filters
    expected_words = (
        "invisible characters taken out: U+200E",
        "letters and their accents joined (NFC)",
        "white space made single, none left at the ends",
    )
    assert expected_words == trace.tidied
    assert "Am\u00e9lie B X" == trace.result


def test_a_trace_of_a_loop_tells_of_its_first_filters_alone() -> None:
    many = tuple(f"group {number}" for number in range(100))
    change = ('"{{ course.title }}"', '"{% for each in cohorts %}{{ each | size }}{% endfor %}"')

    trace = entry(replace(AMINA, cohorts=many), change).trace[0]

    assert (("size", "7"),) * 10 + (("size", "8"),) * 10 == trace.filters


def test_a_trace_shows_how_far_an_expression_came_that_fails() -> None:
    change = ('"{{ learner.full_name }}"', '"{{ learner.full_name | upcase | round }}"')

    held = apply(mapping(change), AMINA, site=SITE, traced=True)

    assert (("upcase", "AMINA AL HASHIMI"),) == held.trace[1].filters
    assert None is held.trace[1].result


def test_a_trace_says_that_the_condition_does_not_hold() -> None:
    change = ('course: "BIO-*"', 'course: "BIO-*"\n  when: grade.percent >= 90')

    assert entry(AMINA, change).trace[0].result == "does not hold"


def test_texts_are_tidied_and_details_keep_their_lines() -> None:
    made = entry(
        learner(full_name=" Jose\u0301\u202e\r\nGarci\u0301a  ", email=" a@b.cd "),
        ("  full_name:", '  details: "a  b\\n\\n\\n c"\n  full_name:'),
    )

    expected = ("José García", "a@b.cd", "a b\n\nc")

    assert expected == (made.full_name, made.applicant_email, made.details)


def printed(parameters: str) -> tuple[str, str]:
    return ("entry:", f"certificate: {{parameters: {{border: false, {parameters}}}}}\nentry:")


def test_what_a_template_is_told_may_come_from_the_completion() -> None:
    said = "a: '{{ course.title | upcase }} ', b: '{{ learner.custom.title_ar }}', c: as it stands"

    made = entry(AMINA, printed(said))

    assert {
        "border": False,
        "a": "INTRODUCTION TO BIOLOGY",
        "b": "",
        "c": "as it stands",
    } == made.parameters
    of_parameters = [each for each in made.trace if each.field.startswith("certificate.param")]
    assert [
        FieldTrace(
            field="certificate.parameters.a",
            expression="{{ course.title | upcase }} ",
            inputs=(("course.title", "Introduction to Biology"),),
            result="INTRODUCTION TO BIOLOGY",
            filters=(("upcase", "INTRODUCTION TO BIOLOGY"),),
            tidied=("white space made single, none left at the ends",),
        ),
        FieldTrace(
            field="certificate.parameters.b",
            expression="{{ learner.custom.title_ar }}",
            inputs=(("learner.custom.title_ar", None),),
            result="",
        ),
    ] == of_parameters


def test_what_a_template_cannot_be_told_is_held() -> None:
    (problem,) = problems(AMINA, printed("a: '{{ completed_at | local_date: course.title }}'"))

    assert ("certificate.parameters.a", "expression") == (problem.field, problem.code)


def test_the_issue_date_is_the_day_in_the_zone_of_the_mapping() -> None:
    change = dated("{{ completed_at | local_date: 'Asia/Dubai' }}")

    assert date(2026, 5, 18) == entry(AMINA, change).issue_date


@pytest.mark.parametrize(
    "name", [name for name in NAMES if KEY not in name.path], ids=lambda name: name.path
)
def test_every_name_stands_for_what_the_completion_tells(name: Name) -> None:
    filters = {Kind.MOMENT: " | local_date: 'UTC'", Kind.LIST: " | join: ', '"}
    told = replace(course(timezone="Asia/Dubai"), zone=Zone(name="Asia/Dubai", source="course"))

    expected = name.example[:10] if name.kind is Kind.MOMENT else name.example

    written = f"{{{{ {name.path}{filters.get(name.kind, '')} }}}}"
    assert expected == compile_text(written).evaluate(values_of(told, site=SITE))


@pytest.mark.parametrize("which", ["legal_name", "preferred_name"])
def test_another_name_of_the_learner_is_printed_where_there_is_one(which: str) -> None:
    change = ("{{ learner.full_name }}", f"{{{{ learner.{which} | default: learner.full_name }}}}")

    told = entry(learner(**{which: "Amina Saeed"}), change).full_name

    assert "Amina Saeed" == told
    assert "Amina Al Hashimi" == entry(learner(**{which: None}), change).full_name


def test_the_language_may_come_from_the_completion() -> None:
    change = (
        "entry:",
        "certificate: {language: \"{{ course.language | page_language: 'en' }}\"}\nentry:",
    )

    def language(told: str | None) -> str:
        return entry(course(language=told), change).language

    assert ["ar", "en", "pt-BR"] == [language(told) for told in ("ar", None, "pt_BR")]
    # Turkish has no texts; Moodle's informal German is German.
    assert ["en", "de", "en"] == [language(told) for told in ("tr", "de_du", "tr_wp")]


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (
            course(title=None),
            FieldProblem(
                field="entry.certificate_title",
                problem="is empty",
                remedy="Give the course a title in the LMS, or write one here, then replay.",
                code="missing",
            ),
        ),
        (
            course(title="é" * 256),
            FieldProblem(
                field="entry.certificate_title",
                problem="is 256 characters long; the vault takes 255",
                remedy=SHORTEN,
                code="too_long",
            ),
        ),
        (
            learner(full_name=None),
            FieldProblem(
                field="entry.full_name", problem="is empty", remedy=EMPTY_NAME, code="missing"
            ),
        ),
        (
            learner(full_name="\u200b \u202e"),
            FieldProblem(
                field="entry.full_name", problem="is empty", remedy=EMPTY_NAME, code="missing"
            ),
        ),
        (
            learner(full_name="x" * 256),
            FieldProblem(
                field="entry.full_name",
                problem="is 256 characters long; the vault takes 255",
                remedy=SHORTEN,
                code="too_long",
            ),
        ),
        (
            learner(full_name="x" * 4001),
            FieldProblem(
                field="entry.full_name",
                problem="cannot be worked out: learner.full_name is 4001 characters long; "
                "at most 4000",
                remedy=REPLAY,
                code="expression",
            ),
        ),
        (
            learner(email=None),
            FieldProblem(
                field="entry.applicant_email",
                problem="is empty",
                remedy=EMPTY_EMAIL,
                code="missing",
            ),
        ),
        (
            learner(email="amina at example.edu"),
            FieldProblem(
                field="entry.applicant_email",
                problem='"amina at example.edu" has a space in it',
                remedy="Correct the address in the LMS, then replay.",
                code="invalid",
            ),
        ),
        (
            learner(email=f"{'a' * 251}@b.cd"),
            FieldProblem(
                field="entry.applicant_email",
                problem="is 256 characters long; the vault takes 255",
                remedy=SHORTEN,
                code="too_long",
            ),
        ),
        (
            replace(AMINA, completed_at=None),
            FieldProblem(
                field="entry.issue_date",
                problem="is empty: the LMS did not say when the course was completed",
                remedy="If the day we heard of it will do, write in the mapping "
                "{{ completed_at | default: noticed_at | local_date: timezone }}, then replay.",
                code="missing",
            ),
        ),
    ],
)
def test_a_completion_that_lacks_something_is_held_saying_what_and_what_to_do(
    completion: Completion, expected: FieldProblem
) -> None:
    assert [expected] == problems(completion)


def test_the_longest_texts_the_vault_takes_are_taken() -> None:
    completion = replace(
        learner(full_name="N" * 255, email=f"{'a' * 250}@b.c"),
        course=replace(AMINA.course, title="é" * 255),
    )
    made = entry(completion, ("entry:", f"entry:\n  details: {'d' * 987}"))

    expected = [255, 255, 254, 987]

    assert expected == [
        len(made.certificate_title),
        len(made.full_name),
        len(made.applicant_email),
        len(made.details),
    ]
    assert len(made.details + REF_MARK) == 1000


def test_details_leave_room_for_the_mark() -> None:
    expected = FieldProblem(
        field="entry.details",
        problem=f"is {DETAILS_LIMIT + 1} characters long; the vault takes 987",
        remedy="Shorten it, e.g. with | truncate: 987 in the mapping, then replay.",
        code="too_long",
    )

    assert [expected] == problems(AMINA, ("entry:", f"entry:\n  details: {'d' * 988}"))


@pytest.mark.parametrize("text", ["soon", "20260517", "2026-13-01", "2026-05-17 10:00"])
def test_an_issue_date_that_is_none_is_held(text: str) -> None:
    expected = FieldProblem(
        field="entry.issue_date",
        problem=f'"{text}" is no date like 2026-05-17',
        remedy=REPLAY,
        code="invalid",
    )

    assert [expected] == problems(AMINA, dated(text))


def test_a_language_that_is_none_is_held() -> None:
    change = ("entry:", 'certificate: {language: "{{ learner.language }}"}\nentry:')
    remedy = (
        "Say in the mapping which language is taken instead, e.g. "
        "{{ learner.language | page_language: 'en' }}, then replay."
    )

    def problem(text: str, code: str = "invalid") -> FieldProblem:
        return FieldProblem(field="certificate.language", problem=text, remedy=remedy, code=code)

    assert [problem("is empty", "missing")] == problems(learner(language=None), change)
    assert [problem('"tlh" is no language; write one such as en, ar or pt-BR')] == problems(
        learner(language="tlh"), change
    )
    unprinted = 'no page has texts in "tr"; there are: ar, de, en, es, fr, hi, pt, zh'
    assert [problem(unprinted)] == problems(learner(language="tr"), change)


def test_a_file_that_the_lms_makes_may_be_in_any_language() -> None:
    change = ("entry:", "certificate: {from: lms, language: tr}\nentry:")

    assert "tr" == entry(AMINA, change).language


def test_a_doubtful_name_or_address_is_held_until_the_mapping_allows_it() -> None:
    doubtful = learner(full_name="Test User", email="noreply@example.edu")

    expected = [
        ("entry.full_name", '"Test User" is a placeholder', "doubtful"),
        (
            "entry.applicant_email",
            '"noreply@example.edu" is an address that nobody reads',
            "doubtful",
        ),
    ]

    assert expected == [(p.field, p.problem, p.code) for p in problems(doubtful)]
    allowed = ("entry:", "hold: {placeholders: none, addresses: '*.invalid'}\nentry:")
    assert "Test User" == entry(doubtful, allowed).full_name


def test_a_name_that_the_mapping_mends_is_not_doubtful() -> None:
    small = learner(full_name="amina al hashimi")
    mended = ("learner.full_name }}", "learner.full_name | name_case }}")

    assert ["doubtful"] == [p.code for p in problems(small)]
    assert "Amina Al Hashimi" == entry(small, mended).full_name


def test_what_a_deleted_account_leaves_is_no_address_whatever_the_mapping_allows() -> None:
    deleted = learner(email="0cc175b9c0f1b6a831c399e269772661")
    allowed = ("entry:", "hold: {addresses: none}\nentry:")

    (problem,) = problems(deleted, allowed)

    assert problem.problem.endswith("is what an LMS leaves of a deleted account")


def test_an_entry_knows_why_its_issue_date_is_that_day() -> None:
    in_dubai = replace(AMINA, zone=Zone(name="Asia/Dubai", source="site"))
    late = replace(in_dubai, completed_at=None)
    told = {
        "{{ completed_at | local_date: timezone }}": (in_dubai, "Asia/Dubai", "site"),
        "{{ completed_at | default: noticed_at | local_date: timezone }}": (
            late,
            "Asia/Dubai",
            "site",
        ),
        "{{ completed_at | local_date: 'Asia/Tokyo' }}": (in_dubai, "Asia/Tokyo", "mapping"),
        "{% if role == 'x' %}{{ completed_at | local_date: 'Asia/Tokyo' }}{% else %}"
        "{{ completed_at | local_date: timezone }}{% endif %}": (in_dubai, "Asia/Dubai", "site"),
    }

    for text, (completion, zone, source) in told.items():
        instant = completion.completed_at or completion.noticed_at
        expected = Dated(instant=instant, zone=zone, source=source)

        assert expected == entry(completion, dated(text)).dated


@pytest.mark.parametrize(
    ("said", "day", "expected"),
    [
        ("2 years", "2024-02-29", date(2026, 2, 28)),
        ("4 years", "2024-02-29", date(2028, 2, 29)),
        ("18 months", "2026-05-17", date(2027, 11, 17)),
        ("300 days", "2026-05-17", date(2027, 3, 13)),
        ("9999 years", "2026-05-17", date.max),
    ],
)
def test_an_entry_is_valid_as_long_as_the_mapping_says(said: str, day: str, expected: date) -> None:
    made = entry(AMINA, dated(day), ("issuer: main", f"issuer: main\nvalid_for: {said}"))

    assert expected == made.expires_on


def test_a_day_that_stands_in_the_mapping_is_no_moments() -> None:
    assert NO_MOMENT == entry(AMINA, dated("2026-12-31")).dated


def test_everything_that_is_wrong_is_told_at_once() -> None:
    completion = replace(learner(full_name="", email="x"), completed_at=None)

    expected = ["entry.full_name", "entry.applicant_email", "entry.issue_date"]

    assert expected == [problem.field for problem in problems(completion)]


def test_a_mapping_says_what_it_does_not_want_a_completion_for() -> None:
    narrow = mapping(
        (
            'course: "BIO-*"',
            'course: "BIO-*"\n  category: "Life*"\n  cohort: "nurses-*"\n  when: enrolled == 120',
        )
    )
    told = {
        None: AMINA,
        "match.course": course(code="CHEM-1"),
        "match.category": course(category=None),
        "match.cohort": replace(AMINA, cohorts=()),
        "match.when": replace(AMINA, enrolled=7),
    }

    assert list(told) == [misfit(narrow, each, site=SITE) for each in told.values()]
    assert "site" == misfit(narrow, AMINA, site="canvas")


def test_a_problem_prints_as_a_sentence() -> None:
    (problem,) = problems(learner(full_name=None))

    assert f"entry.full_name: is empty. {EMPTY_NAME}" == str(problem)


def test_what_is_held_has_a_trace_too() -> None:
    held = apply(mapping(), learner(full_name=None), site=SITE, traced=True)

    expected = (("learner.full_name", None),)

    assert expected == held.trace[1].inputs


def test_an_expression_that_fails_on_this_completion_is_held_for_its_field() -> None:
    change = ("learner.full_name }}", "role | round }}")

    expected = FieldProblem(
        field="entry.full_name",
        problem='cannot be worked out: round cannot read "student" as a number',
        remedy=REPLAY,
        code="expression",
    )

    assert [expected] == problems(AMINA, change)


def named(name: str, *changes: tuple[str, str]):
    return mapping(("course-completion", name), *changes)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("category: life*", True),
        ("category: [Chemistry, Life sciences]", True),
        ("category: Chemistry", False),
        ("cohort: NURSES-*", True),
        ("cohort: [doctors, night-shift]", True),
        ("cohort: [doctors]", False),
        ("category: life*\n  cohort: doctors", False),
        ("category: Chemistry\n  cohort: nurses-2026", False),
    ],
)
def test_a_category_and_a_cohort_narrow_a_course_down(asked: str, wanted: bool) -> None:
    only = mapping(('"BIO-*"', f'"BIO-*"\n  {asked}'))

    assert wanted == bool(choose([only], AMINA, site=SITE))


@pytest.mark.parametrize("asked", ["category", "cohort"])
def test_where_the_lms_tells_none_no_glob_fits(asked: str) -> None:
    only = mapping(('"BIO-*"', f'"BIO-*"\n  {asked}: "*"'))
    untold = replace(course(category=None), cohorts=())

    assert (True, False) == tuple(bool(choose([only], c, site=SITE)) for c in (AMINA, untold))


@pytest.mark.parametrize(
    ("glob", "wanted"),
    [
        ('"BIO-*"', True),
        ('"bio-*"', True),
        ('"42"', True),
        ("42", True),
        ('"introduction*"', True),
        ("[CHEM-1, 'Intro*']", True),
        ('"CHEM-*"', False),
        ('"BIO"', False),
    ],
)
def test_a_course_is_matched_by_id_code_or_title(glob: str, wanted: bool) -> None:
    only = mapping(('"BIO-*"', glob))

    assert ((only,) if wanted else ()) == choose([only], AMINA, site=SITE)


@pytest.mark.parametrize(
    ("sites", "wanted"),
    [("moodle-main", True), ("[x, moodle-main]", True), ('"*"', True), ("moodle", False)],
)
def test_a_mapping_is_for_its_sites(sites: str, wanted: bool) -> None:
    only = mapping(("moodle-main", sites))

    assert ((only,) if wanted else ()) == choose([only], AMINA, site=SITE)


def when(condition: str, priority: int = 0) -> tuple[str, str]:
    return ("match:\n", f"priority: {priority}\nmatch:\n  when: {condition}\n")


def test_the_highest_priority_that_holds_wins_and_no_name_does() -> None:
    low = named("low", when("role", 0))
    middle_b = named("b", when("role", 5))
    middle_a = named("a", when("role", 5))
    high = named("high", when("grade.percent > 99", 9))

    assert (middle_a, middle_b) == choose([low, middle_b, high, middle_a], AMINA, site=SITE)
    assert (low,) == choose([low, high], AMINA, site=SITE)
    assert not choose([high], AMINA, site=SITE)
    assert not choose([], AMINA, site=SITE)


def test_of_each_kind_one_has_the_completion() -> None:
    course_low, course_high = named("low", when("role", 1)), named("high", when("role", 9))
    programme = named("programme", when("role", 5), ("issuer:", "kind: programme\nissuer:"))
    unwanted = named("other", when("nil", 5), ("issuer:", "kind: other\nissuer:"))

    assert (course_high, programme) == choose(
        [course_low, unwanted, programme, course_high], AMINA, site=SITE
    )


def test_a_condition_that_fails_is_neither_skipped_nor_taken_for_true() -> None:
    broken = named("broken", when("extra.score < role", 5))
    other = named("other")

    expected = FieldProblem(
        field="match.when",
        problem="cannot be worked out: '<' and '>' are not supported between 'Number' and 'str'",
        remedy=REPLAY,
        code="expression",
    )

    assert (broken,) == choose([other, broken], AMINA, site=SITE)
    assert (expected,) == apply(broken, AMINA, site=SITE).problems


def key(issuer: str = "main", **changes: object) -> str:
    return natural_key(issuer, replace(entry(), **changes))


def test_the_natural_key_is_what_the_vault_calls_a_duplicate() -> None:
    same = [
        key(applicant_email="AMINA@example.edu"),
        key(certificate_title="  Introduction  to\u00a0Biology "),
        key(full_name="Someone Else"),
        key(details="x"),
    ]
    other = [
        key("other"),
        key(applicant_email="amina@example.com"),
        key(certificate_title="introduction to biology"),
        key(issue_date=date(2026, 5, 18)),
    ]

    assert [key()] * 4 == same
    assert len({key(), *other}) == 5
    assert len(key()) == 64


def test_the_natural_key_never_changes() -> None:
    # What is stored under it must be found again by every later release.
    expected = "a1b2346b52302f3d57f7ed15fcc79d67452c37b09d96c40af0fea0f62fe09dd3"

    assert expected == key()


def test_the_parts_of_a_natural_key_cannot_run_together() -> None:
    one = natural_key("a", replace(entry(), applicant_email='b", "c@d.ef'))
    two = natural_key('a", "b', replace(entry(), applicant_email="c@d.ef"))

    assert one != two


def test_a_moment_at_the_edge_of_time_is_held_and_not_an_error() -> None:
    edge = datetime(9999, 12, 31, 23, 0, tzinfo=UTC)
    change = dated("{{ completed_at | local_date: 'Asia/Dubai' }}")

    expected = 'cannot be worked out: local_date cannot read "9999-12-31 23:00:00+00:00"'

    assert expected == problems(replace(AMINA, completed_at=edge), change)[0].problem
