"""A gradebook row: what it says, and over what it may be written."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from connectors.base import Certificate, GradebookRow

ISSUED = Certificate(
    status="Issued",
    reference_id="VEC-1",
    link="https://certs.example.edu/c/1?a=1&b=2",
    link_text="Open",
    title="Water & Safety",
    issue_date=date(2026, 11, 23),
)
REPLACED = replace(
    ISSUED, status="Replaced", reference_id="VEC-0", void=True, issue_date=date(2025, 11, 23)
)
ROW = GradebookRow(course_id="2", learner_id="7", certificates=(ISSUED,), known=("as it was",))


def test_one_certificate_needs_no_title_to_be_told_by():
    assert ROW.as_text() == "Issued · VEC-1 · https://certs.example.edu/c/1?a=1&b=2"


def test_several_are_told_apart_by_what_differs_and_what_is_void_is_struck_through():
    both = replace(ROW, certificates=(ISSUED, REPLACED))

    assert both.as_html().endswith(
        "<p>Issued · VEC-1 · \u20682026-11-23\u2069 · "
        '<a href="https://certs.example.edu/c/1?a=1&amp;b=2" target="_blank" rel="noopener">Open'
        "</a></p><p><s>Replaced · VEC-0 · \u20682025-11-23\u2069</s> · "
        '<a href="https://certs.example.edu/c/1?a=1&amp;b=2" target="_blank" rel="noopener">Open'
        "</a></p></div>"
    )


def test_a_title_stands_for_itself_whichever_way_its_row_runs():
    other = replace(ISSUED, title="<السلامة>", link=None)
    both = replace(ROW, certificates=(replace(ISSUED, link=None), other))

    assert both.as_text() == (
        "Issued · VEC-1 · \u2068Water & Safety\u2069\nIssued · VEC-1 · \u2068<السلامة>\u2069"
    )
    assert "\u2068&lt;السلامة&gt;\u2069" in both.as_html()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "as it was",
        " as it was\n",
        ROW.as_text(),
        ROW.as_html(),
        replace(ROW, revision=99).as_html(),
        replace(ROW, certificates=()).as_html(),
        f"\n{ROW.as_html()} ",
    ],
)
def test_it_may_be_written_over_nothing_and_over_any_text_of_ours(text):
    assert ROW.may_replace(text)


@pytest.mark.parametrize(
    "text",
    [
        "Well done!",
        "as it was, more or less",
        ROW.as_html().replace("Issued", "Not issued"),
        ROW.as_html().replace('data-rev="1"', 'data-rev="2"'),
        ROW.as_html() + "<p>See me.</p>",
        "<p>See me.</p>" + ROW.as_html(),
        ROW.as_html().replace("</div>", "<p>See me.</p></div>"),
        '<div class="vaultbridge" data-rev="1" data-sum="">x</div>',
        '<div class="vaultbridge">x</div>',
    ],
)
def test_it_is_never_written_over_what_a_person_wrote_or_changed(text):
    assert not ROW.may_replace(text)
