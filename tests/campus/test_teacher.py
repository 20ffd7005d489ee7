"""What a teacher does in the gradebook, and what becomes of a write-back after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.campus.conftest import Call
from tests.campus.test_marks import CERTIFICATE, fields

LEARNER = 7
SAVE, ITEMS = "mod_assign_save_grade", "gradereport_user_get_grade_items"


@pytest.fixture
def cell(call: Call) -> Callable[[], list[Any]]:
    """Read what the user report says of one learner's certificate: text, grade, overridden."""

    def read() -> list[Any]:
        answer = call(ITEMS, courseid=2, userid=LEARNER)
        item = answer["usergrades"][0]["gradeitems"][0]
        return [item["feedback"], item["graderaw"], item["gradeisoverridden"]]

    return read


def test_a_comment_on_the_assignments_page_stands_until_the_next(
    call: Call, control: Call, cell: Callable[[], list[Any]]
) -> None:
    call(SAVE, fields("ours"))
    control("comment", assignment=CERTIFICATE, learner=LEARNER, text="theirs")
    assert ["theirs", None, False] == cell()

    call(SAVE, fields("ours"))
    assert ["ours", None, False] == cell()


def test_what_is_overridden_in_the_gradebook_no_longer_follows_the_assignment(
    call: Call, control: Call, cell: Callable[[], list[Any]]
) -> None:
    call(SAVE, fields("ours"))
    control("override", assignment=CERTIFICATE, learner=LEARNER, text="theirs", grade=50)
    call(SAVE, fields("ours, later"))
    control("comment", assignment=CERTIFICATE, learner=LEARNER, text="on the page")
    assert ["theirs", None, True] == cell(), "it takes no grades"

    control("give_back", assignment=CERTIFICATE, learner=LEARNER)
    call(SAVE, fields("ours, last"))
    assert ["ours, last", None, False] == cell()


def test_a_course_reset_leaves_nothing_of_this_course_alone(
    call: Call, control: Call, cell: Callable[[], list[Any]]
) -> None:
    call(SAVE, fields("ours"))
    control("override", assignment=CERTIFICATE, learner=LEARNER, text="theirs")
    call(SAVE, fields("in another course", assignment=3))
    control("course_reset", course=2)

    assert ["", None, False] == cell()
    other = call(ITEMS, courseid=3, userid=LEARNER)["usergrades"][0]["gradeitems"][0]
    assert "in another course" == other["feedback"]


def test_an_assignment_made_anew_has_its_id_number_and_nothing_in_it(
    call: Call, control: Call
) -> None:
    call(SAVE, fields("ours"))
    made = control("assignment_anew", assignment=CERTIFICATE)

    items = call(ITEMS, courseid=2, userid=LEARNER)["usergrades"][0]["gradeitems"]
    found = [i for i in items if i["idnumber"] == "vaultbridge"]
    assert [(made, "")] == [(item["iteminstance"], item["feedback"]) for item in found]
    assert CERTIFICATE != made


def test_an_unknown_assignment_is_told(client: FlaskClient) -> None:
    answer = client.post("/campus/control", json={"action": "assignment_anew", "assignment": 99})

    assert (400, "Can't find data record in database table assign.") == (
        answer.status_code,
        (answer.json or {})["error"],
    )


def test_calls_of_the_web_service_are_counted_by_function(call: Call, client: FlaskClient) -> None:
    for _ in range(2):
        call(ITEMS, courseid=2, userid=LEARNER)
    call("no_such_function")

    assert {ITEMS: 2, "no_such_function": 1} == (client.get("/campus/control").json or {})["calls"]
