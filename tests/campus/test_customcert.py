"""The campus's custom certificates: of the recorded shape, and one for whoever opened it."""

from __future__ import annotations

import base64
import io

import pikepdf

from campus.functions import customcert
from campus.moodle import Moodle
from campus.people import WATER_SAFETY
from tests.campus.conftest import Call, capture

ISSUES = "mod_customcert_list_issues"
EMMA, SEAN = 12, 7


def activity(moodle: Moodle, *opened_by: int) -> int:
    number = customcert.add_it(moodle, WATER_SAFETY)
    for learner in opened_by:
        customcert.open_it(moodle, number, learner)
    return number


def test_an_issue_has_the_recorded_members(moodle: Moodle, call: Call) -> None:
    activity(moodle, EMMA)
    recorded = capture("mod_customcert_list_issues_with_pdf")["response"]["body_json"][0]
    [issue] = call(ISSUES, includepdf="1")

    assert {name: set(part) for name, part in recorded.items()} == {
        name: set(part) for name, part in issue.items()
    }
    with pikepdf.open(io.BytesIO(base64.b64decode(issue["pdf"]["content"]))) as pdf:
        assert 1 == len(pdf.pages)


def test_issues_are_found_by_activity_and_learner(moodle: Moodle, call: Call) -> None:
    first, second = activity(moodle, EMMA, SEAN), activity(moodle, SEAN)

    assert 3 == len(call(ISSUES))
    assert [first] == [i["issue"]["customcertid"] for i in call(ISSUES, userid=str(EMMA))]
    assert [] == call(ISSUES, userid=str(EMMA), customcertid=str(second))
    assert 1 == len(call(ISSUES, limit="1"))
    assert [False] == [i["pdf"]["haspdf"] for i in call(ISSUES, customcertid=str(second))]


def test_a_course_shows_its_activities_by_their_kind(moodle: Moodle, call: Call) -> None:
    number = activity(moodle)

    def shown(modname: str) -> list[int]:
        form = {"options[0][name]": "modname", "options[0][value]": modname}
        sections = call("core_course_get_contents", form, courseid=WATER_SAFETY)
        return [module["instance"] for section in sections for module in section["modules"]]

    assert ([number], []) == (shown("customcert"), shown("quiz"))
