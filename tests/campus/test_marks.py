"""Saving a comment, with each of the traps that a real Moodle lays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from campus.errors import MoodleError
from campus.marks import Comment, find_assignment, save
from campus.moodle import Moodle
from campus.people import populate
from tests.campus.conftest import NOW_S, Call

CERTIFICATE, GRADED = 1, 2
TEXT = (
    '<div data-rev="1">Issued &amp; <a href="https://x.example.test/?a=1&amp;b=%2B">Open</a></div>'
)
EDITOR = "plugindata[assignfeedbackcomments_editor]"


def fields(text: str = TEXT, *, userid: int = 7, assignment: int = CERTIFICATE) -> dict[str, Any]:
    return {
        "assignmentid": assignment,
        "userid": userid,
        "grade": -1,
        "attemptnumber": -1,
        "addattempt": 0,
        "workflowstate": "",
        "applytoall": 0,
        f"{EDITOR}[text]": text,
        f"{EDITOR}[format]": 1,
    }


def batch(rows: dict[int, str]) -> dict[str, Any]:
    form: dict[str, Any] = {"assignmentid": CERTIFICATE, "applytoall": 0}
    for n, (userid, text) in enumerate(rows.items()):
        form |= {
            f"grades[{n}][userid]": userid,
            f"grades[{n}][grade]": -1,
            f"grades[{n}][attemptnumber]": -1,
            f"grades[{n}][addattempt]": 0,
            f"grades[{n}][workflowstate]": "",
            f"grades[{n}][{EDITOR.replace('[', '][', 1)}[text]": text,
            f"grades[{n}][{EDITOR.replace('[', '][', 1)}[format]": 1,
        }
    return form


@pytest.fixture
def feedback(call: Call) -> Callable[..., list[Any]]:
    """Read back the items' [grade, feedback] of one learner, the course total's last."""

    def read(userid: int = 7) -> list[Any]:
        answer = call("gradereport_user_get_grade_items", courseid=2, userid=userid)
        items = answer["usergrades"][0]["gradeitems"]
        return [[item["graderaw"], item["feedback"]] for item in items]

    return read


@pytest.fixture
def mails(moodle: Moodle) -> Callable[[], int]:
    def count() -> int:
        return len(moodle.state.rows("select * from mail"))

    return count


def test_a_comment_is_read_back_raw(call: Call, feedback: Callable[..., list[Any]]) -> None:
    assert call("mod_assign_save_grade", fields()) is None

    assert [[None, TEXT], [67.25, ""], [67.25, ""]] == feedback()


def test_a_batch_writes_each_of_its_rows(call: Call, feedback: Callable[..., list[Any]]) -> None:
    assert call("mod_assign_save_grades", batch({7: "a", 999999: "b", 9: "c"})) is None

    assert ["a", "c"] == [feedback(7)[0][1], feedback(9)[0][1]]


def test_minus_one_on_a_graded_assignment_erases_the_teachers_grade(
    call: Call, feedback: Callable[..., list[Any]]
) -> None:
    before = feedback()
    call("mod_assign_save_grade", fields(assignment=GRADED))

    assert [[[None, ""], [67.25, ""], [67.25, ""]], [[None, ""], [None, TEXT], [None, ""]]] == [
        before,
        feedback(),
    ]


@pytest.mark.parametrize("userid", [999999, 29])
def test_null_is_answered_for_people_who_get_nothing(
    userid: int, call: Call, moodle: Moodle, mails: Callable[[], int]
) -> None:
    assert call("mod_assign_save_grade", fields(userid=userid)) is None

    stored = moodle.state.rows("select * from gradebook where person = ?", userid)
    assert ([], 0) == (stored, mails())


def test_every_save_mails_the_learner_of_an_identical_text_too(call: Call, moodle: Moodle) -> None:
    call("mod_assign_save_grade", fields())
    call("mod_assign_save_grade", fields())

    mail = (NOW_S, 7, "Certificate Bridge has given feedback for assignment Certificate")
    assert [mail, mail] == [
        tuple(row) for row in moodle.state.rows("select at, person, subject from mail")
    ]


def test_what_a_lock_kept_out_does_not_arrive_by_being_sent_again(
    call: Call, control: Call, feedback: Callable[..., list[Any]]
) -> None:
    control("assignment", assignment=CERTIFICATE, locked=True)
    call("mod_assign_save_grade", fields())
    control("assignment", assignment=CERTIFICATE, locked=False)
    call("mod_assign_save_grade", fields())
    identical = feedback()[0]
    call("mod_assign_save_grade", fields(TEXT.replace('rev="1"', 'rev="2"')))

    assert [[None, ""], [None, TEXT.replace('rev="1"', 'rev="2"')]] == [identical, feedback()[0]]


def test_an_unreleased_workflow_keeps_a_comment_out(
    call: Call, control: Call, feedback: Callable[..., list[Any]]
) -> None:
    control("assignment", assignment=CERTIFICATE, workflow=True)
    call("mod_assign_save_grade", fields())
    kept_out = feedback()[0]
    call("mod_assign_save_grade", {**fields("new"), "workflowstate": "released"})

    assert [[None, ""], [None, "new"]] == [kept_out, feedback()[0]]


def test_comments_switched_off_store_nothing(
    call: Call, control: Call, feedback: Callable[..., list[Any]]
) -> None:
    control("assignment", assignment=CERTIFICATE, comments=False)

    assert call("mod_assign_save_grade", fields()) is None
    assert [None, ""] == feedback()[0]


def test_a_hidden_item_is_not_read_back(
    call: Call, control: Call, feedback: Callable[..., list[Any]]
) -> None:
    call("mod_assign_save_grade", fields())
    control("assignment", assignment=CERTIFICATE, hidden=True)

    assert [[67.25, ""], [67.25, ""]] == feedback()


def test_an_empty_text_clears(call: Call, feedback: Callable[..., list[Any]]) -> None:
    call("mod_assign_save_grade", fields())
    call("mod_assign_save_grade", fields(""))

    assert [None, ""] == feedback()[0]


def test_a_batch_beyond_max_input_vars_loses_its_tail(
    call: Call, moodle: Moodle, feedback: Callable[..., list[Any]]
) -> None:
    # 5 fields of the call and 7 of a row: of 142 rows all arrive, of 143 the last one in part.
    whole = call("mod_assign_save_grades", batch({7: "a"} | dict.fromkeys(range(1000, 1141), "x")))
    parted = call("mod_assign_save_grades", batch({7: "b"} | dict.fromkeys(range(1000, 1142), "x")))

    assert (None, "invalidparameter") == (whole, parted["errorcode"])
    assert [None, "a"] == feedback()[0]


def test_saved_grades_are_listed_as_minus_one(call: Call) -> None:
    call("mod_assign_save_grade", fields())

    answer = call("mod_assign_get_grades", {"assignmentids[0]": CERTIFICATE})

    grade = {
        "userid": 7,
        "attemptnumber": 0,
        "timecreated": NOW_S,
        "timemodified": NOW_S,
        "grader": 230,
        "grade": "-1.00000",
    }
    # The teacher's marks took the first numbers.
    assert [{"assignmentid": CERTIFICATE, "grades": [{"id": 49, **grade}]}] == (
        answer["assignments"]
    )


def test_of_two_first_saves_at_once_one_fails(moodle: Moodle) -> None:
    populate(moodle.state)
    assignment = find_assignment(moodle, CERTIFICATE)
    assert moodle.begin_first_save((CERTIFICATE, 7))

    with pytest.raises(MoodleError) as raised:
        save(moodle, assignment, 7, grade=-1, comment=Comment(text="x", format=1))

    assert "dmlwriteexception" == raised.value.errorcode


def test_many_savers_at_once_leave_one_mark(moodle: Moodle) -> None:
    populate(moodle.state)
    assignment = find_assignment(moodle, CERTIFICATE)
    failed: list[str] = []

    def saver(n: int) -> None:
        try:
            save(moodle, assignment, 7, grade=-1, comment=Comment(text=f"{n}", format=1))
        except MoodleError as error:
            failed.append(error.errorcode)

    threads = [threading.Thread(target=saver, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    marks = moodle.state.rows("select * from mark where assignment = 1 and person = 7")
    assert 1 == len(marks)
    assert {"dmlwriteexception"} >= set(failed)


def test_a_lost_answer_has_been_carried_out(
    control: Call,
    post: Callable[[dict[str, str]], TestResponse],
    feedback: Callable[..., list[Any]],
) -> None:
    control("outage", mode="lost_answer", calls=1)

    answer = post(
        {
            "wstoken": "WSTOKEN",
            "wsfunction": "mod_assign_save_grade",
            "moodlewsrestformat": "json",
            **{key: str(value) for key, value in fields().items()},
        }
    )

    assert (b"null", "5") == (answer.data, answer.headers["Content-Length"])
    assert [None, TEXT] == feedback()[0]
