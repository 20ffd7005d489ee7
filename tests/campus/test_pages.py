"""The pages: a click completes a course, and the gradebook shows what was written."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from campus import clean
from tests.campus.conftest import NOW_S, Call, capture
from tests.campus.test_marks import fields

IN_LIFESAVING = 3
WRITTEN = (
    '<div class="vaultbridge" data-rev="1" lang="en" dir="ltr"><p>Issued · VEC-IC-20260123456789ABC'
    ' · <a href="https://bridge.example.test/c/x?a=1&amp;b=2" target="_blank" rel="noopener">Open'
    "</a></p></div>"
)
SHOWN = (
    '<div class="vaultbridge" lang="en" dir="ltr"><p>Issued · VEC-IC-20260123456789ABC'
    ' · <a href="https://bridge.example.test/c/x?a=1&amp;b=2" target="_blank"'
    ' rel="noreferrer noopener">Open</a></p></div>'
)


def learner(client: FlaskClient, who: int, course: int = 2) -> dict[str, Any]:
    answer = client.get(f"/campus/gradebook.json?course={course}").json or {}
    found: dict[str, Any] = next(one for one in answer["learners"] if one["id"] == who)
    return found


def test_the_first_page_leads_to_every_visible_course(client: FlaskClient) -> None:
    page = client.get("/").text

    assert "a stand-in Moodle for trying Vaultbridge out" in page
    assert "Water Safety &amp; Rescue – Basics" in page
    assert "Certificate template" not in page


def test_a_click_completes_the_course_and_leads_back_to_the_learner(client: FlaskClient) -> None:
    answer = client.post("/course/complete", data={"course": 2, "learner": 7})

    assert (303, "/course/view.php?id=2#learner-7") == (
        answer.status_code,
        answer.headers["Location"],
    )
    assert NOW_S == learner(client, 7)["completed"]
    assert "23 Nov 2026, 09:30:00 UTC" in client.get("/course/view.php?id=2").text


def test_a_click_that_cannot_be_says_why(client: FlaskClient) -> None:
    answer = client.post("/course/complete", data={"course": 6, "learner": 7})

    assert 400 == answer.status_code
    assert "Course 6 has no completion criteria." in answer.text


@pytest.mark.parametrize(
    "address",
    ["/course/view.php?id=99", "/course/view.php", "/grade/report/user/index.php?id=2&userid=99"],
)
def test_what_is_not_there_is_a_404(address: str, client: FlaskClient) -> None:
    assert 404 == client.get(address).status_code


def test_the_gradebook_tells_raw_shown_and_previewed(client: FlaskClient, call: Call) -> None:
    call("mod_assign_save_grade", fields(WRITTEN))

    row = learner(client, 7)

    item = row["items"][0]
    assert (1, WRITTEN, SHOWN, "Issued · VEC-IC-2026…") == (
        row["mails"],
        item["feedback"],
        item["shown"],
        item["preview"],
    )


def test_the_gradebook_counts_the_mails_of_its_own_course(client: FlaskClient, call: Call) -> None:
    call("mod_assign_save_grade", fields(WRITTEN))
    call("mod_assign_save_grade", fields(WRITTEN, assignment=IN_LIFESAVING))

    assert [1, 1] == [learner(client, 7, course)["mails"] for course in (2, 3)]


def test_the_learners_report_holds_the_link_and_the_teachers_only_its_beginning(
    client: FlaskClient, call: Call
) -> None:
    call("mod_assign_save_grade", fields(WRITTEN))

    report = client.get("/grade/report/user/index.php?id=2&userid=7").text
    grader = client.get("/grade/report/grader/index.php?id=2").text

    assert SHOWN in report
    assert SHOWN not in grader
    assert "Issued · VEC-IC-2026…" in grader


def test_a_name_that_looks_like_markup_stays_a_name(client: FlaskClient, control: Call) -> None:
    control("rename", learner=7, firstname="A & B", lastname='"C"')

    page = client.get("/course/view.php?id=2").text

    assert "A &amp; B &#34;C&#34;" in page


def test_pages_load_nothing_from_elsewhere_and_run_nothing(client: FlaskClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]

    assert "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'" == policy
    with client.get("/static/campus.css") as style:
        assert 200 == style.status_code


def test_a_comment_is_cleaned_as_recorded() -> None:
    stored = dict(capture("mod_assign_save_grade_html_ok")["request"]["form"])
    seen = capture("student_view_of_feedback")["sean.oconnor"]["user_report_feedback_cells"][0]

    shown = clean.shown(stored["plugindata[assignfeedbackcomments_editor][text]"], 1)

    # Moodle keeps a cleaned style; the campus drops it.
    cell = seen.partition(">")[2].removesuffix("</td>").replace(' style="color:#FF0000;"', "")
    assert cell == shown


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("<p onclick='x()'>a</p>", "<p>a</p>"),
        ("<script>alert(1)</script>a", "a"),
        ("<style>p{}</style>a", "a"),
        ('<a href="JaVa\tscript:x()">a</a>', "<a>a</a>"),
        ('<a href="data:text/html,x">a</a>', "<a>a</a>"),
        ('<a href="http://[bad">a</a>', "<a>a</a>"),
        ("<svg><circle/></svg>a", "a"),
        ("<b>open", "<b>open</b>"),
        ("<b><i>a</b>c", "<b><i>a</i></b>c"),
        ("1 &lt; 2 &amp; 3", "1 &lt; 2 &amp; 3"),
        ("<!-- gone -->a", "a"),
    ],
)
def test_what_could_run_is_cleaned_away(stored: str, expected: str) -> None:
    assert expected == clean.shown(stored, 1)


def test_a_text_that_is_not_html_is_shown_as_text() -> None:
    assert "&lt;b&gt; https://x.example.test" == clean.shown("<b> https://x.example.test", 2)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("<p>" + "x" * 20 + "</p>", "x" * 20),
        ("<p>" + "x" * 21 + "</p>", "x" * 20 + "…"),
        ("<p>a</p><p>b</p>", "a b"),
    ],
)
def test_the_teachers_preview_has_twenty_characters(stored: str, expected: str) -> None:
    assert expected == clean.preview(stored, 1)
