"""Whatever the document and whatever the completion: nothing but the engine's own errors."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Completion
from mappings.comparing import Case, Change, compare
from mappings.document import DocumentError, load
from mappings.engine import Entry, Held, apply, choose, misfit, natural_key
from mappings.expressions import CompileError, compile_condition, compile_text
from mappings.model import Mapping
from mappings.suspects import suspicion
from mappings.values import ExpressionError, values_of
from tests.mappings.samples import AMINA, DOCUMENT
from tests.mappings.strategies import (
    anything,
    blocks,
    completions,
    conditions,
    documents,
    fragments,
    mistaken,
    whole,
)

SITE = "moodle-main"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def error_of(expected: type[Exception], call: Callable[[], object]) -> Any:
    """The expected error that a call ends in; None if it ends in none. Others are let through."""
    try:
        call()
    except expected as error:
        return error
    return None


@settings(max_examples=150, deadline=None)
@given(anything | fragments | fragments.map(lambda text: DOCUMENT + text) | mistaken)
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


#: How Python writes objects that are no text, pairs and moments.
PROGRAM_TEXT = ("object at 0x", "('", "datetime.", "ForLoop", "+00:00")


@settings(max_examples=300, deadline=None)
@given(blocks)
def test_what_an_expression_prints_is_never_the_programs_own_text(source: str) -> None:
    try:
        printed = compile_text(source).evaluate(values_of(AMINA, site=SITE))
    except (CompileError, ExpressionError):
        return

    assert not [written for written in PROGRAM_TEXT if written in printed]


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
        + "certificate: {language: \"{{ learner.language | page_language: 'en' }}\"}\n"
        + "hold: {names: none, placeholders: none, addresses: none}\n"
    ),
    load(DOCUMENT.replace('"BIO-*"', '"*"\n  category: ["?*", "*a"]\n  cohort: "*"')),
]


@settings(max_examples=150, deadline=None)
@given(completions | whole)
def test_any_completion_makes_a_sound_entry_or_says_why_not(completion: Completion) -> None:
    choose(MAPPINGS, completion, site=SITE)
    apply(MAPPINGS[1], completion, site=SITE)

    see_that_it_is_sound(apply(MAPPINGS[0], completion, site=SITE))


def see_that_it_is_sound(made: Entry | Held) -> None:
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
    made = apply(MAPPINGS[0], completion, site=SITE)

    assert isinstance(made, Entry)


@settings(max_examples=100, deadline=None)
@given(st.lists(documents, min_size=1, max_size=3), completions | whole)
def test_any_documents_are_refused_or_make_something_of_any_completion(
    texts: list[str], completion: Completion
) -> None:
    mappings: list[Mapping] = []
    for text in texts:
        error_of(DocumentError, partial(_read, text, mappings))
    for mapping in mappings:
        made = apply(mapping, completion, site=SITE, traced=True)
        see_that_it_is_sound(made)
        assert made == apply(mapping, completion, site=SITE)
        suspicion(mapping.hold, completion, now=NOW)

    chosen = choose(mappings, completion, site=SITE)
    kinds = {(mapping.kind, mapping.priority) for mapping in chosen}
    assert len(kinds) == len({kind for kind, _ in kinds})
    assert all(misfit(mapping, completion, site=SITE) is None for mapping in chosen)
    for earlier in ([], [completion]):
        case = Case(completion=completion, site=SITE, came=NOW, earlier=earlier)
        list(compare(mappings[:1], mappings, case))
        same = compare(mappings, mappings, case)
        assert {Change.SAME} >= {difference.change for difference in same}


def _read(text: str, into: list[Mapping]) -> None:
    """Under a name of its own, as those that are in use together."""
    into.append(replace(load(text), name=f"mapping-{len(into)}"))
