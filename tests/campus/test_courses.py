"""Courses, people and the import of the assignment from the template course."""

from __future__ import annotations

import pytest

from campus.people import LEARNERS
from tests.campus.conftest import Call


def assignments(call: Call, course: int) -> list[tuple[str, str]]:
    """The assignments of a course with their idnumbers."""
    answer = call("gradereport_user_get_grade_items", courseid=course, userid=7)
    items = answer["usergrades"][0]["gradeitems"]
    return [(i["itemname"], i["idnumber"]) for i in items if i["itemtype"] == "mod"]


def test_course_names_come_escaped_and_people_names_do_not(call: Call) -> None:
    course = call("core_course_get_courses_by_field", field="id", value=2)["courses"][0]
    person = call("core_user_get_users_by_field", {"field": "id", "values[0]": 13})[0]

    assert ("Water Safety &amp; Rescue – Basics", 'D\'Angelo & "Sons" de  Cruz') == (
        course["fullname"],
        person["fullname"],
    )


def test_several_courses_are_asked_for_with_a_comma(call: Call) -> None:
    answer = call("core_course_get_courses_by_field", field="ids", value="2,3,9999")

    assert ["WS101", "WS201"] == [course["shortname"] for course in answer["courses"]]


def test_a_hidden_course_is_seen_only_with_the_right_to(call: Call, control: Call) -> None:
    with_right = call("core_course_get_courses_by_field", field="id", value=5)["courses"]
    control("rights", without=["moodle/course:viewhiddencourses"])
    without = call("core_course_get_courses_by_field", field="id", value=5)["courses"]

    assert (["TPL"], []) == ([course["shortname"] for course in with_right], without)


def test_an_email_is_found_in_its_own_spelling_only(call: Call) -> None:
    def search(email: str) -> list[int]:
        form = {"field": "email", "values[0]": email}
        return [one["id"] for one in call("core_user_get_users_by_field", form)]

    assert ([7], []) == (
        search("sean.oconnor@students.example.test"),
        search("Sean.OConnor@students.example.test"),
    )


def test_without_the_right_to_identities_there_is_no_email(call: Call, control: Call) -> None:
    control("rights", without=["moodle/site:viewuseridentity"])

    found = call("core_user_get_users_by_field", {"field": "id", "values[0]": 7})[0]

    assert set() == {"email", "idnumber"} & found.keys()


def test_the_language_is_told_only_to_who_may_see_everything(call: Call, control: Call) -> None:
    form = {"field": "id", "values[0]": 3}
    minimal = call("core_user_get_users_by_field", form)[0].get("lang")
    control("rights", without=[], also=["moodle/user:viewalldetails"])

    assert (None, "ar") == (minimal, call("core_user_get_users_by_field", form)[0]["lang"])


def test_participants_come_in_pages_with_the_fields_asked_for(call: Call) -> None:
    page = call(
        "core_enrol_get_enrolled_users",
        {
            "courseid": 2,
            "options[0][name]": "userfields",
            "options[0][value]": "email,roles",
            "options[1][name]": "limitfrom",
            "options[1][value]": 3,
            "options[2][name]": "limitnumber",
            "options[2][value]": 1,
        },
    )

    role = {"roleid": 5, "name": "", "shortname": "student", "sortorder": 0}
    assert [
        {
            "id": 6,
            "fullname": "Nguyễn Thị Minh Khai",
            "email": "nguyen.minhkhai@students.example.test",
            "roles": [role],
        }
    ] == page


def test_participants_without_the_right_to_details_are_silently_missing(
    call: Call, control: Call
) -> None:
    control("rights", without=["moodle/user:viewdetails"])

    assert 1 == len(call("core_enrol_get_enrolled_users", courseid=2))


def test_an_import_brings_the_assignment_and_each_further_one_another(call: Call) -> None:
    before = assignments(call, 4)
    imported = [call("core_course_import_course", importfrom=5, importto=4) for _ in range(2)]

    test = ("Resuscitation test", "cpr-FA301")
    assert ([test], [None, None], [test, ("Certificate", "vaultbridge"), ("Certificate", "")]) == (
        before,
        imported,
        assignments(call, 4),
    )


def test_assignments_tell_a_graded_one_by_its_grade(call: Call) -> None:
    answer = call(
        "mod_assign_get_assignments",
        {"courseids[0]": 2, "courseids[1]": 7, "courseids[2]": 999, "includenotenrolledcourses": 1},
    )

    assert [
        (2, [("Certificate", 0, 1), ("Practical assessment", 100, 0)]),
        (7, [("Certificate", 100, 0)]),
    ] == [
        (
            course["id"],
            [(a["name"], a["grade"], a["nosubmissions"]) for a in course["assignments"]],
        )
        for course in answer["courses"]
    ]
    assert [(999, "1")] == [(w["itemid"], w["warningcode"]) for w in answer["warnings"]]


def test_final_grades_are_told_course_by_course(call: Call) -> None:
    answer = call("gradereport_overview_get_course_grades", userid=7)

    assert {"courseid": 2, "grade": "67.25", "rawgrade": "67.25000"} in answer["grades"]
    assert {"courseid": 6, "grade": "-", "rawgrade": None} in answer["grades"]


def test_grade_items_of_user_zero_are_everyones(call: Call) -> None:
    answer = call("gradereport_user_get_grade_items", courseid=2)

    assert [person.id for person in LEARNERS] == [row["userid"] for row in answer["usergrades"]]


@pytest.mark.parametrize(
    ("action", "order"),
    [("unenrol", {}), ("suspend", {})],
)
def test_who_is_not_actively_enrolled_has_no_status(
    action: str, order: dict[str, int], call: Call, control: Call
) -> None:
    control("complete", course=2, learner=7)
    control(action, course=2, learner=7, **order)

    answer = call("core_completion_get_course_completion_status", courseid=2, userid=7)

    assert "usernotenroled" == answer["errorcode"]


def test_the_longest_name_has_120_characters(call: Call) -> None:
    found = call("core_user_get_users_by_field", {"field": "id", "values[0]": 8})[0]

    assert 120 == len(found["fullname"])
