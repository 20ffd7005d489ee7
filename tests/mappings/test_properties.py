"""Whatever the document and whatever the completion: nothing but the engine's own errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Completion, Course, Grade, Learner
from mappings.document import DocumentError, load
from mappings.engine import Entry, Held, apply, choose, natural_key
from mappings.expressions import CompileError, compile_condition, compile_text
from mappings.filters import FILTERS
from mappings.names import NAMES
from mappings.values import ExpressionError, values_of
from tests.mappings.samples import DOCUMENT

anything = st.text(st.characters(codec=None), max_size=60)
words = st.none() | anything
numbers = st.none() | st.decimals() | st.integers().map(Decimal)
moments = st.datetimes(timezones=st.just(UTC) | st.timezones())
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(anything, inner, max_size=4),
    max_leaves=10,
)
completions = st.builds(
    Completion,
    course=st.builds(Course, id=anything, code=words, title=words, category=words, language=words),
    learner=st.builds(
        Learner,
        id=anything,
        full_name=words,
        given_name=words,
        family_name=words,
        email=words | st.emails(),
        id_number=words,
        language=words,
        country=words,
        custom=st.dictionaries(st.sampled_from("abc"), anything),
    ),
    noticed_at=moments,
    completed_at=st.none() | moments,
    grade=st.none()
    | st.builds(Grade, percent=numbers, points=numbers, maximum=numbers, text=words),
    role=words,
    cohorts=st.lists(anything, max_size=3).map(tuple),
    enrolled=st.none() | st.integers(min_value=0),
    extra=st.dictionaries(st.sampled_from("abc"), json),
)
#: Those with all that a certificate needs, mostly.
whole = st.builds(
    Completion,
    course=st.builds(Course, id=anything, title=anything.map("T{}".format)),
    learner=st.builds(
        Learner, id=anything, full_name=anything.map("N{}".format), email=st.emails()
    ),
    noticed_at=moments,
    completed_at=moments,
    cohorts=st.lists(anything, max_size=3).map(tuple),
    extra=st.fixed_dictionaries({"a": anything}),
)

paths = st.sampled_from(
    [name.path.replace("<key>", key) for name in NAMES for key in ("a", "b.c", "a.first")]
    + ["course", "grade", "learner.custom", "extra", "cohorts.first", "nil", "empty", "blank"]
)
literals = st.sampled_from(["'x'", "'UTC'", "'en'", "1", "2.5", "-3", "true", "''", "'2026-05-17'"])
operands = paths | literals
filters = st.builds(
    lambda name, arguments: f"| {name}" + (": " + ", ".join(arguments) if arguments else ""),
    st.sampled_from(list(FILTERS)),
    st.lists(operands, max_size=2),
)
outputs = st.builds(
    lambda operand, used: f"{{{{ {operand} {' '.join(used)} }}}}",
    operands,
    st.lists(filters, max_size=3),
)
comparisons = st.builds(
    lambda left, sign, right: f"{left} {sign} {right}",
    operands,
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "contains"]),
    operands,
)
conditions = st.recursive(
    operands | comparisons,
    lambda inner: (
        st.builds("({} and {})".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=5,
)
blocks = st.recursive(
    outputs | st.sampled_from(["text ", "{% break %}", "{% continue %}", "{{ x }}", "{% if"]),
    lambda inner: (
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, conditions, inner, inner)
        | st.builds("{{% for x in {} %}}{}{{% endfor %}}".format, operands, inner)
        | st.builds("{{% assign x = {} %}}{}".format, operands, inner)
        | st.builds("{{% capture x %}}{}{{% endcapture %}}{}".format, inner, inner)
    ),
    max_leaves=8,
)
fragments = st.lists(
    st.sampled_from([*"0:-[]{}\"'|>&*!#%@`,?~\\", "<<", "---", "...", "null", "{{", "}}", "{%"])
    | st.sampled_from(["mapping: 1", "name", "issuer", "site", "match", "course", "when", "entry"])
    | st.sampled_from(["\n", "\n  ", "\t", " ", ": "])
    | anything,
    max_size=30,
).map(" ".join)


def error_of(expected: type[Exception], call: Callable[[], object]) -> Any:
    """The expected error that a call ends in; None if it ends in none. Others are let through."""
    try:
        call()
    except expected as error:
        return error
    return None


@settings(max_examples=150, deadline=None)
@given(anything | fragments | fragments.map(lambda text: DOCUMENT + text))
def test_any_text_is_a_mapping_or_a_list_of_mistakes(text: str) -> None:
    error = error_of(DocumentError, lambda: load(text))

    if error is not None:
        lines = 2 + sum(text.count(end) for end in "\n\r\x85\u2028\u2029")
        assert error.mistakes
        assert all(1 <= mistake.line <= lines for mistake in error.mistakes)
        assert all(m.column >= 1 and m.problem and m.key for m in error.mistakes)


@settings(max_examples=150, deadline=None)
@given(anything | blocks, completions)
def test_any_expression_is_refused_or_gives_a_text_or_says_why_not(
    source: str, completion: Completion
) -> None:
    refused = error_of(CompileError, lambda: compile_text(source))
    if refused is not None:
        assert refused.faults
        return
    expression, values = compile_text(source), values_of(completion, site="s")
    expression.inputs(values)
    start = time.thread_time()
    failed = error_of(ExpressionError, lambda: expression.evaluate(values))

    assert failed is None or failed.problem
    assert time.thread_time() - start < 1


@settings(max_examples=100, deadline=None)
@given(anything | conditions, completions)
def test_any_condition_is_refused_or_holds_or_not_or_says_why(
    source: str, completion: Completion
) -> None:
    refused = error_of(CompileError, lambda: compile_condition(source))
    if refused is not None:
        assert refused.faults
        return
    condition, values = compile_condition(source), values_of(completion, site="s")
    failed = error_of(ExpressionError, lambda: condition.holds(values))

    assert failed is None or failed.problem


MAPPINGS = [
    load(
        DOCUMENT.replace('"BIO-*"', '["?*", "*a*"]\n  when: "grade == nil or grade.percent >= 60"')
        + "  details: \"{{ extra.a }}{{ grade.percent | round: 2 }}{{ cohorts | join: ' ' }}\"\n"
        + "certificate: {language: \"{{ learner.language | default: 'en' }}\"}\n"
        + "hold: {names: none, placeholders: none, addresses: none}\n"
    ),
    load(DOCUMENT.replace('"BIO-*"', '"*"\n  category: ["?*", "*a"]\n  cohort: "*"')),
]


@settings(max_examples=150, deadline=None)
@given(completions | whole)
def test_any_completion_makes_a_sound_entry_or_says_why_not(completion: Completion) -> None:
    choose(MAPPINGS, completion, site="moodle-main")
    apply(MAPPINGS[1], completion, site="moodle-main")
    made = apply(MAPPINGS[0], completion, site="moodle-main")

    if isinstance(made, Held):
        assert made.problems
        assert all(p.field and p.problem and p.remedy for p in made.problems)
        return
    assert isinstance(made, Entry)
    assert len(natural_key("main", made)) == 64
    for text in (made.certificate_title, made.full_name, made.applicant_email):
        assert 1 <= len(text) <= 255
        assert text == text.strip()
        assert not any(ord(character) < 32 or character in "\u202e\u200f" for character in text)
        assert text.encode()
    assert len(made.details) <= 987
    assert "@" in made.applicant_email


@settings(max_examples=100, deadline=None)
@given(whole)
def test_a_completion_with_all_it_needs_makes_an_entry(completion: Completion) -> None:
    made = apply(MAPPINGS[0], completion, site="moodle-main")

    assert isinstance(made, Entry)
