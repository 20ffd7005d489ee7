"""A document as a form and back: nothing is lost, nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.document import load
from mappings.form import FIELDS, Kind, filled_in, form_of

EXAMPLES = {
    path.stem: path.read_text("utf-8")
    for path in sorted((Path(__file__).parents[2] / "mappings" / "examples").glob("*.yaml"))
}
ODD = """\
# Which is which
mapping: 1
"name":   odd   # its own
issuer: main
site:   # where
  # first
  - moodle-main   # one
  - canvas

match: {course: ["BIO-*", 'CHEM: 1'], when: grade.percent >= 60}
entry:
    certificate_title: >-
        Two
        lines
    full_name: '{{ learner.full_name }}'   # it's theirs
    applicant_email:
        "{{ learner.email }}"
    details: |
        One

        Two: {{ course.title }}
    # the end of entry
hold:
certificate: {parameters: {border: yes, accent: "#1f3a5f", extra: [1, 2]}, paper: a4}
again: {after: 300 days}
write_back: none   # not told
strange: {a: 1}
# The end
"""
BEHIND = "    # short names, or the beginning of a full name"
DOCUMENTS = {**EXAMPLES, "odd": ODD}

texts = st.text(
    st.characters(blacklist_categories=("Cs", "Cc")) | st.sampled_from("\n\n :#'\"{}[],|>-"),
    max_size=30,
)
lines = st.lists(texts.map(lambda text: text.replace("\n", "").strip()).filter(bool), max_size=3)


@st.composite
def fillings(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """A document, and what somebody fills in."""
    text = DOCUMENTS[draw(st.sampled_from(sorted(DOCUMENTS)))]
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=4, unique_by=lambda each: each.key))
    values = {}
    for field in fields:
        if field.kind is Kind.LINES:
            values[field.key] = "\n".join(draw(lines))
        elif field.kind is Kind.AGAIN:
            values[field.key] = draw(st.sampled_from(["", "never", "always", "90 days", "x y"]))
        else:
            values[field.key] = draw(texts)
    if draw(st.booleans()):
        values["certificate.parameters.border"] = draw(st.sampled_from(["", "true", "false"]))
        values["certificate.parameters.second_title"] = draw(texts)
    return text, values


@settings(deadline=None, max_examples=60)
@given(fillings())
def test_what_is_filled_in_stands_in_the_document_and_all_else_as_it_was(
    filling: tuple[str, dict[str, str]],
) -> None:
    text, values = filling
    before = form_of(text)

    after = form_of(filled := filled_in(text, values))

    taken = {key: value for key, value in values.items() if key not in before.beyond}
    wanted = {**before.values, **taken}
    blank = {key: value for key, value in wanted.items() if value.strip()}
    assert blank == {key: value for key, value in after.values.items() if value.strip()}
    assert before.beyond == after.beyond
    assert filled == filled_in(filled, values)
    yaml.safe_load(filled)  # as another program reads it


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_form_that_changes_nothing_changes_no_byte(name: str) -> None:
    text = DOCUMENTS[name]

    assert text == filled_in(text, form_of(text).values)


def test_comments_and_order_stay_and_new_keys_stand_where_they_belong() -> None:
    text = EXAMPLES["several-courses"]

    filled = filled_in(
        text,
        {
            "match.course": "FIRE-01\nHAND-02",
            "entry.certificate_title": "{{ course.title }}",
            "entry.issue_date": "",
            "hold.names": "none",
            "certificate.parameters.border": "true",
            "again": "300 days",
            "write_back.target": "none",
        },
    )

    gone = [line for line in text.splitlines() if line not in filled.splitlines()]
    new = [line for line in filled.splitlines() if line not in text.splitlines()]
    assert [
        f'  course: [FIRE-01, HAND-01, "First aid*"]{BEHIND}',
        "  certificate_title: >-",
        "    {% if course.code == 'FIRE-01' %}Fire Safety for Staff",
        "    {% elsif course.code == 'HAND-01' %}Hand Hygiene for Staff",
        "    {% else %}{{ course.title }}{% endif %}",
        "  issue_date: \"{{ completed_at | local_date: 'UTC' }}\"",
        "    border: false",
    ] == gone
    assert [
        f"  course: [FIRE-01, HAND-02]{BEHIND}",
        '  certificate_title: "{{ course.title }}"',
        "hold:",
        "  names: none",
        "    border: true",
        "again: {after: 300 days}",
        "write_back: none",
    ] == new
    load(filled)


def test_what_the_form_cannot_say_is_shown_as_yaml_and_kept() -> None:
    form = form_of(ODD)

    assert {
        "certificate.parameters.border": "border: yes",
        "certificate.parameters.extra": "extra: [1, 2]",
        "strange.a": "a: 1",
    } == form.beyond
    filled = filled_in(ODD, {"certificate.parameters.extra": "x", "hold.names": "none"})
    assert ODD.replace("hold:\n", "hold: {names: none}\n") == filled
