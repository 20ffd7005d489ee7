"""Expressions: what they give, what is refused when they are read, and that they always end."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from decimal import Decimal

import pytest

from benchmarks.expressions import BUSY, DEAREST, RUNAWAYS
from connectors.base import Completion, Grade
from mappings.checks import TOKEN_LIMIT
from mappings.expressions import CompileError, compile_condition, compile_text
from mappings.filters import FILTERS
from mappings.values import ExpressionError, values_of
from tests.mappings.samples import AMINA, learner


def evaluated(source: str, completion: Completion = AMINA) -> str:
    return compile_text(source).evaluate(values_of(completion, site="moodle-main"))


def holds(source: str, completion: Completion = AMINA) -> bool:
    return compile_condition(source).holds(values_of(completion, site="moodle-main"))


def failure(source: str, completion: Completion = AMINA) -> str:
    with pytest.raises(ExpressionError) as caught:
        evaluated(source, completion)
    assert caught.value.problem == str(caught.value)
    return caught.value.problem


def faults(source: str) -> list[tuple[int | None, str]]:
    with pytest.raises(CompileError) as caught:
        compile_text(source)
    return sorted((fault.offset, fault.problem) for fault in caught.value.faults)


def condition_faults(source: str) -> list[tuple[int | None, str]]:
    with pytest.raises(CompileError) as caught:
        compile_condition(source)
    return sorted((fault.offset, fault.problem) for fault in caught.value.faults)


@pytest.mark.parametrize("name", FILTERS)
def test_each_filter_gives_what_its_example_says(name: str) -> None:
    assert FILTERS[name].result == evaluated(FILTERS[name].example)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("plain text", "plain text"),
        ("{{ grade.percent }} {{ grade.points }}", "87.5 35"),
        ("{{ learner.custom.department }}", "Cardiology"),
        ("{{ learner.custom['Student No'] }}", "7"),
        ("{{ learner['full_name'] }}", "Amina Al Hashimi"),
        ("{{ learner.custom.none }}|{{ extra.none.at.all }}|{{ extra.deep.er.still }}", "||"),
        ("{{ extra.score }} {{ extra.levels[1] }} {{ extra.ok }}", "60.1 b true"),
        (
            "{{ cohorts.size }} {{ cohorts.first }} {{ cohorts[1] }} {{ cohorts[9] }}",
            "2 nurses-2026 night-shift ",
        ),
        (
            "{% for c in cohorts %}{{ forloop.index }}{{ c }};{% endfor %}",
            "1nurses-2026;2night-shift;",
        ),
        (
            "{% for c in cohorts %}{{ c }}{% break %}{% endfor %}",
            "nurses-2026",
        ),
        (
            "{% for c in cohorts %}{{ forloop.index }}{% continue %}{{ c }}{% endfor %}",
            "12",
        ),
        ("{% assign a = course.code | remove: 'BIO-' %}{{ a }}{{ a }}", "101101"),
        ("{% capture a %}{{ site }}!{% endcapture %}{{ a }}", "moodle-main!"),
        ("{% comment %}{{ not read }}{% endcomment %}x", "x"),
        ("{% if grade.percent > 90 %}A{% elsif grade.percent > 80 %}B{% else %}C{% endif %}", "B"),
        ("{% if learner.custom.x %}{% assign a = 1 %}{% endif %}[{{ a }}]", "[]"),
        ("{{ learner.custom.none | default: learner.full_name }}", "Amina Al Hashimi"),
        (
            "{{ ' ' | default: 'x' }}{{ nil | split: ',' | default: 'y' }}{{ 0 | default: 'z' }}",
            "xy0",
        ),
        ("{{ noticed_at | local_date: 'America/New_York' }}", "2026-05-17"),
        ("{{ '2026-05-17T23:30:00+00:00' | local_date: 'Asia/Dubai' }}", "2026-05-18"),
        ("{{ extra.none | local_date: 'UTC' | format_date: 'en' }}", ""),
        ("{{ completed_at | local_date: 'UTC' | format_date: 'ar' }}", "17 مايو 2026"),
        ("{{ '2026-05-17' | format_date: 'en', 'full' }}", "Sunday, May 17, 2026"),
        (
            "{{ grade.percent | round: 1 }} {{ 2.5 | round }}{{ '9.5' | round }}{{ nil | round }}",
            "87.5 310",
        ),
        ("{{ 'abc' | truncate: 2 }}{{ 'abc' | truncate: 0 }}{{ 'abc' | truncate: 3 }}", "a…abc"),
        ("{{ 'a, b,,c' | split: ',' | join: '+' }}{{ 'xyz' | split: '' | last }}", "a+b+cz"),
        ("{{ extra.none | upcase | append: 'x' | prepend: extra.none }}", "x"),
        ("{{ extra.none | join: ',' }}{{ extra.none | first }}{{ extra.none | size }}", "0"),
        ("{{ 'abc' | replace: '', 'x' }}{{ extra.ok | upcase }}", "abcTRUE"),
        ("{{ extra.half }}", "ab"),
        ("{% for x in extra.deep %}{{ x[0] }}={{ x[1] }}{% endfor %}", "er="),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ],
)
def test_what_an_expression_gives(source: str, expected: str) -> None:
    assert expected == evaluated(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("grade == nil or grade.percent >= 60", True),
        ("grade.percent >= 87.5", True),
        ("grade.percent > 87.5", False),
        ("grade.percent == 87.5", True),
        ("grade.percent < 100", True),
        ("extra.score == 60.1", True),
        ("enrolled >= 120 and role == 'student'", True),
        ("cohorts contains 'night-shift'", True),
        ("cohorts contains 'night'", False),
        ("course.title contains 'Biology'", True),
        ("not (role == 'student')", False),
        ("(role == 'x' or role == 'student') and site == 'moodle-main'", True),
        ("learner.custom.none == nil", True),
        ("learner.custom.none", False),
        ("completed_at", True),
        ("course.language != 'ar'", False),
    ],
)
def test_what_holds(source: str, expected: bool) -> None:
    assert expected is holds(source)


@pytest.mark.parametrize("percent", ["60.1", "60.10000", "6.01E+1"])
def test_grades_compare_as_the_numbers_people_write(percent: str) -> None:
    completion = replace(AMINA, grade=Grade(percent=Decimal(percent)))

    expected = [True, True, False]

    assert expected == [
        holds(source, completion)
        for source in ("grade.percent >= 60.1", "grade.percent == 60.1", "grade.percent > 60.1")
    ]
    assert evaluated("{{ grade.percent }}", completion) == "60.1"


@pytest.mark.parametrize("percent", ["NaN", "sNaN", "Infinity", None])
def test_a_grade_that_is_no_number_is_nil(percent: str | None) -> None:
    grade = Grade(percent=None if percent is None else Decimal(percent))
    completion = replace(AMINA, grade=grade)

    assert not holds("grade.percent >= 0 or grade.percent < 0", completion)
    assert holds("grade.percent == nil", completion)


def test_no_grade_is_nil_and_so_are_its_parts() -> None:
    completion = replace(AMINA, grade=None)

    assert holds("grade == nil or grade.percent >= 60", completion)
    assert not holds("grade.percent >= 60", completion)
    assert evaluated("[{{ grade.percent }}{{ grade.text }}]", completion) == "[]"


def test_huge_and_tiny_grades_print_short() -> None:
    for percent, expected in (("1E+2", "100"), ("1E+999999", "1E+999999"), ("0E-9999", "0E-9999")):
        completion = replace(AMINA, grade=Grade(percent=Decimal(percent)))

        assert expected == evaluated("{{ grade.percent }}", completion)


NAMES = "unknown name x; allowed: course.id, course.code, "


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "{{ learner.ful_name }} {{ full_name }}",
            [
                (3, "unknown name learner.ful_name; did you mean learner.full_name?"),
                (26, "unknown name full_name; did you mean learner.full_name?"),
            ],
        ),
        ("{{ Learner.Email }}", [(3, "unknown name Learner.Email; did you mean learner.email?")]),
        (
            "{{ course.title.size }}",
            [(3, "unknown name course.title.size: course.title is a text, without parts")],
        ),
        (
            "{{ completed_at.year }}",
            [(3, "unknown name completed_at.year: completed_at is a moment, without parts")],
        ),
        (
            "{{ learner[course.id] }}",
            [
                (
                    3,
                    (
                        "only custom.… and extra.… take [ ]: write the name itself, "
                        "e.g. learner.full_name"
                    ),
                )
            ],
        ),
        (
            "{{ learner }}",
            [(3, "learner is a group of names: say which, e.g. learner.id")],
        ),
        (
            "{{ learner.custom | upcase }}",
            [(3, "learner.custom is a group of names: say which, e.g. learner.custom.<key>")],
        ),
        (
            "{% for x in learner.custom %}{{ x }}{% endfor %}",
            [(12, "learner.custom is a group of names: say which, e.g. learner.custom.<key>")],
        ),
        ("{{ cohorts }}", [(3, "cohorts is a list: put | join: ', ' after it")]),
        ("{{ cohorts | upcase }}", [(3, "cohorts is a list: put | join: ', ' after it")]),
        (
            "{{ completed_at }}",
            [(3, "completed_at is a moment: put | local_date: timezone after it")],
        ),
        (
            "{{ completed_at | format_date: 'ar' }}",
            [(3, "completed_at is a moment: put | local_date: timezone after it")],
        ),
        (
            "{{ completed_at | local_date: 'Asia/Dubay' }}",
            [(18, '"Asia/Dubay" is no time zone; did you mean "Asia/Dubai"?')],
        ),
        (
            "{{ completed_at | local_date: 'Mars' }}",
            [(18, '"Mars" is no time zone; write one such as Asia/Dubai or UTC')],
        ),
        (
            "{{ completed_at | local_date: 'UTC' | format_date: 'xx', 'tall' }}",
            [
                (38, '"tall" is no date style; write one of: full, long, medium, short'),
                (38, '"xx" is no language; write one such as en, ar or pt-BR'),
            ],
        ),
        (
            "{{ learner.language | page_language: 'ru' }}",
            [(22, 'no page has texts in "ru"; there are: ar, de, en, es, fr, hi, pt, zh')],
        ),
        (
            "{{ course.id | truncate }}",
            [(15, "truncate is used like this: {{ course.title | truncate: 13 }}")],
        ),
        (
            "{{ course.id | upcase: 'x' }}",
            [(15, "upcase is used like this: {{ learner.family_name | upcase }}")],
        ),
        (
            "{{ role | default: 'x', allow_false: true }}",
            [
                (
                    10,
                    (
                        "default is used like this: {{ learner.custom.diploma_name | default: "
                        "learner.full_name }}"
                    ),
                )
            ],
        ),
        (
            "{% assign course = 1 %}{% for role in cohorts %}{% endfor %}",
            [
                (10, "course is a name of the completion; give yours another one"),
                (30, "role is a name of the completion; give yours another one"),
            ],
        ),
        (
            "{% for i in (1..99999999) reversed %}{% endfor %}",
            [(12, "ranges such as (1..10) are not allowed; loop over a list")],
        ),
        (
            "{% doc %}x{% enddoc %}",
            [
                (
                    0,
                    (
                        'unknown tag "doc"; allowed: if, for, '
                        "break, continue, assign, capture, comment"
                    ),
                )
            ],
        ),
        (
            "{% break %}{% for c in cohorts %}{% endfor %}{% continue %}",
            [
                (3, "break stands only between {% for … %} and {% endfor %}"),
                (48, "continue stands only between {% for … %} and {% endfor %}"),
            ],
        ),
        (
            "{% endiff %}",
            [
                (
                    3,
                    (
                        'unknown tag "endiff"; did you mean "endif"?; allowed: if, for, '
                        "break, continue, assign, capture, comment"
                    ),
                )
            ],
        ),
        ("{{ a", [(0, "not understood: {{ is opened and never closed with }}")]),
        ("x {% if", [(2, "not understood: {% is opened and never closed with %}")]),
        (
            "{% if site %}",
            [(0, "not understood: {% if %} is never closed with {% endif %}")],
        ),
        (
            "{{ learner.full_name upcase }}",
            [(21, "not understood: something is missing before this, such as | or ==")],
        ),
        ("{{}}", [(0, "not understood: a name, a number or a quoted text is missing")]),
        (
            "{% if %}{% endif %}",
            [(3, "not understood: a name, a number or a quoted text is missing")],
        ),
        ("{{ 'a }}", [(3, 'not understood: unexpected "\'"')]),
        (
            "{% if 1 %}{% else %}{% else %}{% endif %}",
            [(23, "not understood: {% endif %} is missing before this")],
        ),
    ],
)
def test_what_is_refused_when_an_expression_is_read(
    source: str, expected: list[tuple[int, str]]
) -> None:
    assert expected == faults(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("grade.percent > '60'", [(0, "grade.percent is a number: write 60 without quotes")]),
        ("60 <= course.code", [(6, "course.code is a text: < > <= >= compare numbers only")]),
        ("course.code == 101", [(0, "course.code is a text: write '101', in quotes")]),
        ("cohorts == 'a'", [(0, "cohorts is a list: write contains 'a'")]),
        ("completed_at > '2026'", [(0, "completed_at is a moment: compare it with nil only")]),
        ("grade == 60", [(0, "grade is a group of names: compare it with nil only")]),
        ("enrolled contains 1", [(0, "enrolled is a number, which contains nothing")]),
        (
            "role == 'a' and site == 'b' or enrolled == 1",
            [(28, '"and" and "or" side by side: put ( ) around what belongs together')],
        ),
        ("{{ role }}", [(0, "a condition is written without {{, e.g. grade.percent >= 60")]),
        ("1 %}x{% if 1", [(5, "a condition is written without {%, e.g. grade.percent >= 60")]),
        ("grade.percent => 60", [(14, "not understood: unknown operator '=>'")]),
        ("role == ", [(0, "not understood: a name, a number or a quoted text is missing")]),
        (
            " or ".join(["role == 'a'"] * 60),
            [(0, f"too long: 239 words and signs; at most {TOKEN_LIMIT}")],
        ),
    ],
)
def test_what_is_refused_when_a_condition_is_read(
    source: str, expected: list[tuple[int, str]]
) -> None:
    assert expected == condition_faults(source)


def test_brackets_keep_and_and_or_apart() -> None:
    assert holds("(role == 'x' and role == 'y') or (site == 'moodle-main' and role == 'student')")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "{{ extra.deep | join: 'x' }}",
            "only a list can be taken apart here; | split: ',' makes one of a text",
        ),
        ("{{ extra.deep }}", "extra.deep is a group of names: say which, e.g. extra.deep.id"),
        ("{{ extra.levels }}", "extra.levels is a list: put | join: ', ' after it"),
        ("{{ role | round }}", 'round cannot read "student" as a number'),
        ("{{ 'NaN' | round }}", 'round cannot read "NaN" as a number'),
        ("{{ 1 | round: 7 }}", "the digits of round must be a whole number from 0 to 6"),
        (
            "{{ role | truncate: 'x' }}",
            "the length of truncate must be a whole number from 0 to 1000",
        ),
        ("{{ role | local_date: 'UTC' }}", 'local_date cannot read "student"'),
        (
            "{{ '2026-05-17T10:00:00' | local_date: 'UTC' }}",
            'local_date cannot read "2026-05-17T10:00:00"',
        ),
        (
            "{{ role | format_date: 'en' }}",
            (
                'format_date cannot read "student": it takes a date like 2026-05-17, '
                "as local_date gives it"
            ),
        ),
        (
            "{{ completed_at | local_date: role }}",
            '"student" is no time zone; write one such as Asia/Dubai or UTC',
        ),
        (
            "{% assign m = completed_at %}{{ m | upcase }}",
            "a moment is no text: put | local_date: timezone after it first",
        ),
        (
            f"{{{{ '{'x' * 256}' | name_case }}}}",
            "no name is 256 characters long; at most 255",
        ),
        ("{{ role | split: 't' | upcase }}", "a list is no text: put | join: ', ' after it first"),
        ("{{ course.code | split: '-' }}", "a list is no text: put | join: ', ' after it first"),
        (
            "{{ extra.none | default: completed_at }}",
            "a moment is no text: put | local_date: timezone after it first",
        ),
        (
            "{% assign all = learner %}{% for x in all %}{{ x }}{% endfor %}",
            "a name with its value is no text: say which, by [0] or [1]",
        ),
        (
            "{% for x in extra.deep %}{{ 'a ' | append: x }}{% endfor %}",
            "a name with its value is no text: say which, by [0] or [1]",
        ),
        (
            "{% for x in cohorts %}{{ forloop }}{% endfor %}",
            "this is no text, no number and neither true nor false",
        ),
        (
            "{% if extra.score < role %}{% endif %}",
            "'<' and '>' are not supported between 'Number' and 'str'",
        ),
    ],
)
def test_what_cannot_be_worked_out_says_why(source: str, expected: str) -> None:
    assert expected == failure(source)


@pytest.mark.parametrize(("source", "expected"), RUNAWAYS.items())
def test_a_runaway_is_stopped_and_says_why(source: str, expected: str) -> None:
    assert expected == failure(source, BUSY)


@pytest.mark.parametrize("source", DEAREST)
def test_what_is_dear_and_within_the_limits_is_let_through(source: str) -> None:
    assert "" != evaluated(source, BUSY)


def test_a_text_that_would_be_huge_is_never_built() -> None:
    expression = compile_text("{{ extra.long | replace: 'a', extra.long }}")
    values = values_of(BUSY, site="moodle-main")
    tracemalloc.start()
    try:
        with pytest.raises(ExpressionError) as caught:
            expression.evaluate(values)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert caught.value.problem == "a text is 16000000 characters long; at most 4000"
    assert peak < 1_000_000


def test_blocks_nest_only_so_deep() -> None:
    source = "{% if 1 %}" * 11 + "{% endif %}" * 11

    expected = [(113, "not understood: block nesting limit reached")]

    assert expected == faults(source)


def test_the_inputs_are_the_names_it_reads_and_what_stood_there() -> None:
    expression = compile_text(
        "{% assign n = learner.custom.none %}{{ n }}{{ course.title }}{{ course.title }}"
        "{% for c in cohorts %}{{ c }}{% endfor %}{{ completed_at | local_date: 'UTC' }}"
        "{{ cohorts.first }}{{ grade.percent }}{{ learner.custom['Student No'] }}"
    )

    expected = (
        ("learner.custom.none", None),
        ("course.title", "Introduction to Biology"),
        ("cohorts", "nurses-2026, night-shift"),
        ("completed_at", "2026-05-17T21:30:00+00:00"),
        ("cohorts.first", "nurses-2026"),
        ("grade.percent", "87.5"),
        ("learner.custom['Student No']", "7"),
    )

    assert expected == expression.inputs(values_of(AMINA, site="moodle-main"))


def test_an_input_too_large_to_use_says_so_and_a_long_one_is_cut() -> None:
    expression = compile_text("{{ extra.longer }}{{ extra.long }}")

    expected = (
        ("extra.longer", "extra.longer is 4001 characters long; at most 4000"),
        ("extra.long", "a" * 200),
    )

    assert expected == expression.inputs(values_of(BUSY, site="moodle-main"))


def test_expressions_are_equal_where_their_source_is() -> None:
    assert compile_text("{{ site }}") == compile_text("{{ site }}")
    assert compile_text("{{ site }}") != compile_text("{{ role }}")


def test_a_name_is_never_markup_or_an_expression_itself() -> None:
    sneaky = "{{ learner.email }}<b>{% if 1 %}"

    assert sneaky == evaluated("{{ learner.full_name }}", learner(full_name=sneaky))
