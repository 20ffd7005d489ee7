"""The control endpoint: shut unless allowed, and plain about what it does not know."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from campus.moodle import Moodle
from campus.outages import MODES
from tests.campus.conftest import NOW_S, Call


def test_it_is_not_there_unless_the_settings_allow_it(client: FlaskClient, moodle: Moodle) -> None:
    moodle.settings = replace(moodle.settings, control=False)

    assert [404, 404] == [
        client.get("/campus/control").status_code,
        client.post("/campus/control", json={"action": "unlock", "course": 2}).status_code,
    ]


@pytest.mark.parametrize(
    ("order", "beginning"),
    [
        ({"action": "dance"}, "No such action. Use one of: assignment, assignment_anew, "),
        ({"action": "outage", "mode": "rain"}, "No such outage: rain. Use one of: database_down, "),
        ({"action": "complete", "course": 6, "learner": 7}, "Course 6 has no completion criteria."),
        ({"action": "delete", "learner": 999}, "There is no learner 999."),
    ],
)
def test_a_wrong_order_is_answered_with_what_would_be_right(
    order: dict[str, object], beginning: str, client: FlaskClient
) -> None:
    answer = client.post("/campus/control", json=order)

    assert 400 == answer.status_code
    assert (answer.json or {})["error"].startswith(beginning)


def test_it_tells_switches_webhooks_and_mails(client: FlaskClient, control: Call) -> None:
    control("outage", mode="maintenance", calls=3)
    control("functions", without=["mod_assign_save_grade"])

    told = client.get("/campus/control").json or {}

    assert ("maintenance", 3, ["mod_assign_save_grade"], [], []) == (
        told["switches"]["outage"],
        told["switches"]["outage_calls"],
        told["switches"]["functions_off"],
        told["hook_log"],
        told["mails"],
    )


@pytest.mark.parametrize("mode", sorted(MODES))
def test_every_outage_ends_when_told_to(mode: str, call: Call, control: Call) -> None:
    control("outage", mode=mode)
    control("outage")

    assert "Campus" == call("core_webservice_get_site_info")["sitename"]


def test_a_function_taken_out_of_the_service_is_refused(call: Call, control: Call) -> None:
    control("functions", without=["mod_assign_save_grade"])

    names = [f["name"] for f in call("core_webservice_get_site_info")["functions"]]

    assert "mod_assign_save_grade" not in names
    assert "accessexception" == call("mod_assign_save_grade")["errorcode"]


def test_a_new_learner_in_a_new_course_can_complete_it(call: Call, control: Call) -> None:
    course = control("course", fullname="Knots & Ropes", shortname="KR1")
    learner = control(
        "enrol", course=course, firstname="Ada", lastname="Lovelace", email="ada@example.test"
    )
    control("complete", course=course, learner=learner)
    status = call("core_completion_get_course_completion_status", courseid=course, userid=learner)

    assert NOW_S == status["completionstatus"]["completions"][0]["timecompleted"]


def test_a_reset_learner_completes_a_later_round(call: Call, control: Call) -> None:
    control("complete", course=2, learner=7, at=NOW_S - 400 * 86400)
    control("reset", course=2, learner=7)
    again = control("complete", course=2, learner=7)
    status = call("core_completion_get_course_completion_status", courseid=2, userid=7)

    assert ({"objectid": 2, "status": None}, NOW_S) == (
        again,
        status["completionstatus"]["completions"][0]["timecompleted"],
    )
