"""The document: what it says, and every mistake that can be made in it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mappings.document import DocumentError, Known, Mistake, load
from mappings.doubts import DEAD_ADDRESSES, PLACEHOLDERS
from mappings.expressions import compile_condition, compile_text
from mappings.model import (
    Again,
    AgainKind,
    CertificateRules,
    EntryRules,
    Hold,
    Mapping,
    Match,
    WriteBackRules,
)
from mappings.periods import EXAMPLES, Period
from mappings.suspects import STAFF, TEST_ACCOUNTS
from tests.mappings.samples import DOCUMENT, document, mapping

WHOLE = """\
mapping: 1
name: course-completion
kind: module
issuer: main
site: moodle-main                     # or a list; "*" = any
priority: -5
match:
  course: ["BIO-*", "CHEM101", 007]   # id, code or title; globs
  category: Life sciences
  cohort: [nurses-*, doctors]
  when: "grade == nil or grade.percent >= 60"
entry:
  certificate_title: "Certificate of Completion: {{ course.title }}"
  full_name: "{{ learner.full_name }}"
  applicant_email: "{{ learner.email }}"
  issue_date: "{{ completed_at | local_date: 'Asia/Dubai' }}"
  details: "{% if grade and grade.percent >= 90 %}With distinction.{% endif %}"
hold:
  names: email
  placeholders: [test*, 7]
  addresses: none
  older_than: none
  roles: teacher
  accounts: [qa-*]
certificate:
  {template: modern, language: ar, paper: us-letter,
   parameters: {border: no, accent: "#123456", size: 3}}
again: {after: 300 days}
valid_for: 18 months
write_back: {target: none, text: default}
"""


def test_a_whole_document_is_read_as_it_is_written() -> None:
    expected = Mapping(
        format=1,
        name="course-completion",
        kind="module",
        issuer="main",
        sites=("moodle-main",),
        priority=-5,
        match=Match(
            courses=("BIO-*", "CHEM101", "007"),
            categories=("Life sciences",),
            cohorts=("nurses-*", "doctors"),
            when=compile_condition("grade == nil or grade.percent >= 60"),
        ),
        entry=EntryRules(
            certificate_title=compile_text("Certificate of Completion: {{ course.title }}"),
            full_name=compile_text("{{ learner.full_name }}"),
            applicant_email=compile_text("{{ learner.email }}"),
            issue_date=compile_text("{{ completed_at | local_date: 'Asia/Dubai' }}"),
            details=compile_text(
                "{% if grade and grade.percent >= 90 %}With distinction.{% endif %}"
            ),
        ),
        hold=Hold(
            names=("email",),
            placeholders=("test*", "7"),
            addresses=("none",),
            older_than=None,
            roles=("teacher",),
            accounts=("qa-*",),
        ),
        certificate=CertificateRules(
            source="template",
            template="modern",
            language=compile_text("ar"),
            paper="us-letter",
            parameters={"border": False, "accent": "#123456", "size": 3},
        ),
        again=Again(kind=AgainKind.AFTER, after=timedelta(days=300)),
        valid_for=Period(count=18, unit="month"),
        write_back=WriteBackRules(target="none", text="default"),
    )

    assert expected == load(WHOLE)


def test_what_a_short_document_leaves_out_has_a_default() -> None:
    expected = Mapping(
        format=1,
        name="course-completion",
        kind="course",
        issuer="main",
        sites=("moodle-main",),
        priority=0,
        match=Match(courses=("BIO-*",), categories=(), cohorts=(), when=None),
        entry=EntryRules(
            certificate_title=compile_text("{{ course.title }}"),
            full_name=compile_text("{{ learner.full_name }}"),
            applicant_email=compile_text("{{ learner.email }}"),
            issue_date=compile_text("{{ completed_at | local_date: timezone }}"),
            details=compile_text(""),
        ),
        hold=Hold(
            names=("email", "lower-case", "single-letter"),
            placeholders=PLACEHOLDERS,
            addresses=DEAD_ADDRESSES,
            older_than=timedelta(days=90),
            roles=STAFF,
            accounts=TEST_ACCOUNTS,
        ),
        certificate=CertificateRules(
            source="template",
            template="classic",
            language=compile_text("en"),
            paper="a4",
            parameters={},
        ),
        again=Again(kind=AgainKind.NEVER),
        valid_for=None,
        write_back=WriteBackRules(target="auto", text="default"),
    )

    assert expected == load(DOCUMENT)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("again: never", Again(kind=AgainKind.NEVER)),
        ("again: always", Again(kind=AgainKind.ALWAYS)),
        ("again: {after: 1 day}", Again(kind=AgainKind.AFTER, after=timedelta(days=1))),
    ],
)
def test_again_is_a_word_or_a_number_of_days(written: str, expected: Again) -> None:
    assert expected == load(DOCUMENT + written).again


@pytest.mark.parametrize("written", ["write_back: none", "write_back: {target: none}"])
def test_write_back_may_be_written_short(written: str) -> None:
    assert WriteBackRules(target="none", text="default") == load(DOCUMENT + written).write_back


def test_several_sites_or_any() -> None:
    several, any_site = ("a", "b"), ("*",)

    assert several == load(document(("moodle-main", "[a, b]"))).sites
    assert any_site == load(document(("moodle-main", '"*"'))).sites


def test_parameters_keep_their_types() -> None:
    written = "certificate: {parameters: {a: true, b: 'true', c: 2, d: 2.5, e: 08, f: x, g: 1_0}}"

    expected = {"a": True, "b": "true", "c": 2, "d": 2.5, "e": "08", "f": "x", "g": "1_0"}

    assert expected == load(DOCUMENT + written).certificate.parameters


def mistakes(text: str, known: Known | None = None) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load(text, known=known)
    assert "\n".join(map(str, caught.value.mistakes)) == str(caught.value)
    return [str(mistake) for mistake in caught.value.mistakes]


FILTERS = (
    "default, local_date, format_date, page_language, round, upcase, downcase, capitalize, "
    "name_case, given_first, with_family, strip, append, prepend, replace, "
    "remove, truncate, split, join, first, last, size"
)
KEYS = (
    "mapping, name, kind, issuer, site, priority, match, entry, hold, certificate, again, "
    "valid_for, write_back"
)
SLUG = "a name of small letters, digits and single hyphens, at most 64 characters"
TWICE = "valid_for says it already, 1 year: take one of them away"
DAYS = "none, or days, as in 90 days"
AGAIN = "this is not allowed; allowed: never, always, {after: 300 days}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("mapping: 1", "mapping: 2", '1:10: mapping: "2" is not allowed; allowed: 1'),
        ("mapping: 1\n", "", "1:1: mapping: is missing: the format of the document, e.g. 1"),
        (
            "name: course-completion",
            "name: Course Completion",
            f'2:7: name: "Course Completion" is not {SLUG}',
        ),
        (
            "name: course-completion",
            f"name: {'x' * 65}",
            f'2:7: name: "{"x" * 39}…" is not {SLUG}',
        ),
        (
            "name: course-completion",
            "name:",
            "2:6: name: is empty: the mapping's own name, e.g. course-completion",
        ),
        (
            "name: course-completion",
            "name: ' '",
            "2:7: name: is empty: the mapping's own name, e.g. course-completion",
        ),
        (
            "name: course-completion",
            "name: [a]",
            "2:7: name: must be a single value, not a list",
        ),
        (
            "name: course-completion",
            "name: {a: b}",
            "2:7: name: must be a single value, not a group of keys",
        ),
        (
            "site: moodle-main",
            "site: [a, 'b c']",
            (
                '4:11: site: "b c" is not a name of letters, digits, hyphens, dots and '
                'underscores, or "*"'
            ),
        ),
        (
            "site: moodle-main",
            "site: []",
            '4:7: site: is empty: the LMS connections it is for, or "*" for any, e.g. moodle-main',
        ),
        ("site: moodle-main", "site: [[a]]", "4:8: site: must be a single value, not a list"),
        (
            "site: moodle-main",
            "site: [a, null]",
            "4:11: site: is empty: one LMS connection, e.g. moodle-main",
        ),
        (
            "match:",
            "priority: high\nmatch:",
            '5:11: priority: "high" is not allowed; allowed: a whole number from -1000 to 1000',
        ),
        (
            "match:",
            "priority: 1001\nmatch:",
            '5:11: priority: "1001" is not allowed; allowed: a whole number from -1000 to 1000',
        ),
        (
            'match:\n  course: "BIO-*"',
            "match: all",
            "5:8: match: must be a group of keys, each on a line of its own",
        ),
        (
            'course: "BIO-*"',
            "corse: x\n  course: y",
            (
                '6:3: match.corse: is not a known key; did you mean "course"?; '
                "allowed: course, category, cohort, when"
            ),
        ),
        (
            'course: "BIO-*"',
            f"course: {'x' * 201}",
            f'6:11: match.course: "{"x" * 39}…" is not a glob of at most 200 characters',
        ),
        (
            'course: "BIO-*"',
            'course: x\n  when: "{{ grade }}"',
            "7:10: match.when: a condition is written without {{, e.g. grade.percent >= 60",
        ),
        (
            'course: "BIO-*"',
            "course: x\n  when: ''",
            (
                "7:9: match.when: is empty: a condition the completion must meet, e.g. "
                '"grade.percent >= 60"'
            ),
        ),
        (
            'course: "BIO-*"',
            "course: x\n  when: grade.percent > 60 and role == 'a' or role == 'b'",
            '7:44: match.when: "and" and "or" side by side: put ( ) around what belongs together',
        ),
        (
            'course: "BIO-*"',
            "course: x\n  when: grade.percent => 60",
            "7:23: match.when: not understood: unknown operator '=>'",
        ),
        (
            '  full_name: "{{ learner.full_name }}"\n',
            "",
            (
                "7:1: entry.full_name: is missing: the learner's name on the certificate, e.g. "
                '"{{ learner.full_name }}"'
            ),
        ),
        (
            '"{{ learner.full_name }}"',
            '""',
            (
                "9:14: entry.full_name: is empty: the learner's name on the certificate, e.g. "
                '"{{ learner.full_name }}"'
            ),
        ),
        (
            '"{{ learner.full_name }}"',
            "{{ learner.full_name }}",
            '9:14: entry.full_name: a text with {{ }} stands in quotes: "{{ … }}"',
        ),
        (
            "learner.full_name",
            "learner.ful_name",
            "9:18: entry.full_name: unknown name learner.ful_name; did you mean learner.full_name?",
        ),
        (
            "{{ learner.full_name }}",
            "{{ learner.full_name | upcse }}",
            (
                '9:38: entry.full_name: unknown filter "upcse"; did you mean "upcase"?; '
                f"allowed: {FILTERS}"
            ),
        ),
        (
            "{{ learner.full_name }}",
            "{% include 'x' %}",
            (
                '9:18: entry.full_name: unknown tag "include"; allowed: if, for, break, continue, '
                "assign, capture, comment"
            ),
        ),
        (
            "{{ learner.full_name }}",
            "{{ learner.full_name",
            "9:15: entry.full_name: not understood: {{ is opened and never closed with }}",
        ),
        (
            "{{ learner.full_name }}",
            "x" * 2001,
            "9:14: entry.full_name: 2001 characters long; at most 2000",
        ),
        (
            "entry:",
            "certificate: {form: lms}\nentry:",
            (
                '7:15: certificate.form: is not a known key; did you mean "from"?; allowed: '
                "from, template, language, paper, parameters"
            ),
        ),
        (
            "entry:",
            "certificate: {from: lms, paper: a4}\nentry:",
            (
                "7:26: certificate.paper: says how a page is printed; with from: lms none is, so "
                "leave it out"
            ),
        ),
        *(
            (
                "entry:",
                f"hold: {{older_than: {written}}}\nentry:",
                f'7:20: hold.older_than: "{written}" is not allowed; allowed: {DAYS}',
            )
            for written in ("never", "90", "0 days", "3 months")
        ),
        (
            "entry:",
            "certificate: {paper: a5}\nentry:",
            ('7:22: certificate.paper: "a5" is not allowed; allowed: a4, us-letter'),
        ),
        (
            "entry:",
            "certificate: {language: klingon}\nentry:",
            (
                '7:25: certificate.language: "klingon" is no language; write one such as en, ar or '
                "pt-BR"
            ),
        ),
        (
            "entry:",
            "certificate: {parameters: {a: '{{ course.titel }}'}}\nentry:",
            (
                "7:35: certificate.parameters.a: unknown name course.titel; "
                "did you mean course.title?"
            ),
        ),
        (
            "entry:",
            "certificate: {parameters: {a: }}\nentry:",
            "7:30: certificate.parameters.a: must be a single value, not nothing",
        ),
        (
            "entry:",
            "certificate: {parameters: [a]}\nentry:",
            "7:27: certificate.parameters: must hold names and values, e.g. {border: false}",
        ),
        (
            "entry:",
            "valid_for: 2 weeks\nentry:",
            f'7:12: valid_for: "2 weeks" is not allowed; allowed: a period such as {EXAMPLES}',
        ),
        (
            "entry:",
            "valid_for: 1 year\ncertificate: {parameters: {validity: 2 years}}\nentry:",
            f"8:38: certificate.parameters.validity: {TWICE}",
        ),
        ("entry:", "again: sometimes\nentry:", f"7:8: again: {AGAIN}"),
        ("entry:", "again: after\nentry:", f"7:8: again: {AGAIN}"),
        ("entry:", "again: {after: 3 weeks}\nentry:", f"7:8: again: {AGAIN}"),
        ("entry:", "again: {after: 3 days, x: y}\nentry:", f"7:8: again: {AGAIN}"),
        (
            "entry:",
            "write_back: nono\nentry:",
            (
                '7:1: write_back.target: "nono" is not allowed; did you mean "none"?; '
                "allowed: auto, none"
            ),
        ),
        (
            "entry:",
            "write_back: {text: mine}\nentry:",
            '7:20: write_back.text: "mine" is not allowed; allowed: default',
        ),
        (
            "entry:",
            "isuer: x\nentry:",
            f'7:1: isuer: is not a known key; did you mean "issuer"?; allowed: {KEYS}',
        ),
        ("entry:", "_schema: x\nentry:", f"7:1: _schema: is not a known key; allowed: {KEYS}"),
        (
            "issuer: main",
            "issuer: main\nissuer: other",
            "4:1: issuer: stands here twice; it is also on line 3",
        ),
        (
            "issuer: main",
            "issuer: main\n? [a]\n: b",
            "1:1: document: a key must be a single word",
        ),
    ],
)
def test_each_mistake_is_told_with_its_place_and_what_is_allowed(
    old: str, new: str, expected: str
) -> None:
    assert [expected] == mistakes(document((old, new)))


#: Each of these keys is right by itself.
TOGETHER = """\
valid_for: 1 year
certificate: {from: lms, parameters: {validity: 2 years}}
"""


def test_all_mistakes_are_told_at_once_in_the_order_of_the_document() -> None:
    text = document(
        ("mapping: 1", "mapping: 3"),
        ("learner.full_name", "learner.name"),
        ("learner.email", "learner.mail | upcase | foo"),
    )

    expected = [
        (1, 10, "mapping"),
        (9, 18, "entry.full_name"),
        (10, 24, "entry.applicant_email"),
        (10, 48, "entry.applicant_email"),
    ]

    with pytest.raises(DocumentError) as caught:
        load(text)
    assert expected == [(m.line, m.column, m.key) for m in caught.value.mistakes]


def test_a_mistake_prints_as_line_column_key_and_problem() -> None:
    expected = "3:7: a.b: is wrong"

    assert expected == str(Mistake(line=3, column=7, key="a.b", problem="is wrong"))


def test_a_mistake_prints_on_one_line_whatever_is_in_its_key() -> None:
    text = DOCUMENT + '"wh\\nen\\u202E": 1\n'

    assert [f"11:1: wh\\nen\\u202e: is not a known key; allowed: {KEYS}"] == mistakes(text)
    mistake = Mistake(line=1, column=1, key="naïve é", problem="a\u2028b\ud800")
    assert "1:1: naïve é: a\\u2028b\\ud800" == str(mistake)


@pytest.mark.parametrize("also", ["mapping", "issuer", "full_name", "when", "course"])
def test_what_keys_get_wrong_together_is_told_beside_a_mistake_of_another_key(also: str) -> None:
    beside = mapping(("course-completion", "other"))
    known = Known(
        templates=["classic"], parameter_fault=lambda *given: f"not {given}", beside=[beside]
    )
    text = document(("entry:", f"{TOGETHER}entry:"), ('"BIO-*"', '"BIO-*"\n  when: role'))

    # Without its courses nobody knows what a mapping ties with.
    tied = [] if also == "course" else ["priority"]
    expected = [*tied, "certificate.parameters", *["certificate.parameters.validity"] * 2]

    said = mistakes(text.replace(f"{also}:", f"{also}x:", 1), known)
    keys = [line.split(": ")[1] for line in said]
    assert expected == [key for key in keys if also not in key]


def test_a_part_is_looked_at_though_its_own_group_has_a_mistake() -> None:
    known = Known(templates=["classic"], parameter_fault=lambda *given: f"not {given[1:]}")
    text = DOCUMENT + "certificate: {papr: a4, parameters: {bordr: false, x: [1]}}\n"

    unknown_key, *others = mistakes(text, known)

    expected = [
        "11:45: certificate.parameters.bordr: not ('bordr', False)",
        "11:55: certificate.parameters.x: must be a single value, not a list",
    ]
    assert expected == others
    assert "11:15: certificate.papr: is not a known key" in unknown_key


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{paper: us-letter}", "11:22: certificate.paper: classic: not us-letter"),
        ("{template: classic}", "11:1: certificate.paper: classic: not a4"),
        ("{from: lms, language: xx}", None),
        ("{template: own}", None),
    ],
)
def test_a_template_is_asked_whether_it_is_made_for_the_paper(
    written: str, expected: str | None
) -> None:
    known = Known(templates=["classic"], paper_fault=lambda name, paper: f"{name}: not {paper}")

    said = mistakes(f"{DOCUMENT}certificate: {written}\n", known)

    assert [expected] == ([line for line in said if "paper" in line] or [None])


def test_a_key_that_stands_twice_is_told_and_its_last_value_is_read() -> None:
    text = DOCUMENT + "entry: {full_name: x}\nentry: {details: y}\n"

    expected = [
        "11:1: entry: stands here twice; it is also on line 7",
        "12:1: entry: stands here twice; it is also on line 11",
        (
            "12:1: entry.applicant_email: is missing: the learner's e-mail address, e.g. "
            '"{{ learner.email }}"'
        ),
        (
            "12:1: entry.certificate_title: is missing: the title at the vault, e.g. "
            '"Certificate of Completion: {{ course.title }}"'
        ),
        (
            "12:1: entry.full_name: is missing: the learner's name on the certificate, e.g. "
            '"{{ learner.full_name }}"'
        ),
    ]

    assert expected == mistakes(text)


def test_names_that_do_not_exist_where_the_document_is_used_are_mistakes() -> None:
    known = Known(issuers=["maine"], sites=["moodle", "canvas"], templates=[])
    text = document(("site: moodle-main", 'site: [moodel, canvas, "*"]'))
    text += "certificate: {template: classic}\n"

    expected = [
        '3:9: issuer: there is no "main"; did you mean "maine"?; there are: maine',
        '4:8: site: there is no "moodel"; did you mean "moodle"?; there are: canvas, moodle',
        '11:25: certificate.template: there is no "classic"; there is none yet',
    ]

    assert expected == mistakes(text, known)


def test_a_language_that_no_page_is_printed_in_is_a_mistake_of_a_document_to_be_used() -> None:
    text = document(("entry:", "certificate: {language: ru}\nentry:"))

    expected = (
        '7:25: certificate.language: no page has texts in "ru"; there are: ar, de, en, es, fr, hi, '
        "pt, zh"
    )

    assert [expected] == mistakes(text, Known())
    # One that is in use already is read: broken, it would stop all others.
    assert "ru" == load(text).certificate.language.source
    load(document(("entry:", "certificate: {from: lms, language: ru}\nentry:")), known=Known())


def test_names_that_exist_are_no_mistakes() -> None:
    known = Known(issuers=["main"], sites=["moodle-main"], templates=["classic"])

    assert load(DOCUMENT) == load(DOCUMENT, known=known)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("  details: |\n    line\n      {{ x }}", "13:10"),
        ("  details: |\n\n    a\n    b {{ x }}", "14:10"),
        ("  details: '{{ x }}'", "11:16"),
        ("  details: a {{ x }}", "11:17"),
        ('  details: "\\t{{ x }}"', "11:12"),  # escaped: the place is the start of the value
        ("  details: >\n    a\n    {{ x }}", "11:12"),
        ("  details: a\n    {{ x }}", "11:12"),
    ],
)
def test_a_mistake_inside_a_value_has_the_place_of_its_word_where_yaml_kept_it(
    written: str, expected: str
) -> None:
    (mistake,) = mistakes(DOCUMENT + written + "\n")

    assert mistake.startswith(f"{expected}: entry.details: ")
    assert "unknown name x; allowed: course.id, course.code" in mistake
