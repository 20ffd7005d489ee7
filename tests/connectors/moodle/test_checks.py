"""What `site check` finds, and what it tells to do."""

from __future__ import annotations

import pytest

from connectors.base import Finding
from connectors.moodle.certificates import CONTENTS, ISSUES
from connectors.moodle.checks import FUNCTIONS
from connectors.moodle.completions import REPORT
from tests.connectors.moodle.fake import FakeMoodle, always, body
from tests.connectors.moodle.sites import moodle

INFO = "core_webservice_get_site_info"
USERS = "core_user_get_users_by_field"
ENROLLED = "core_enrol_get_enrolled_users"
UNASKED = "staff of courses: not asked for"
GOOD = [
    "Moodle answers with this token",
    "base_url is this Moodle's own address",
    *(f"function {name}" for name in (*FUNCTIONS, REPORT, CONTENTS, ISSUES)),
    "permissions in a course",
    "users",
    "e-mail addresses of users",
    "ID numbers of users",
    "completion status",
    "grades",
    "assignments",
    UNASKED,
    "report of completions of the last 2 days",
    "custom certificates",
]


def faults(server: FakeMoodle, **settings) -> list[Finding]:
    return [finding for finding in moodle(server, **settings).check() if not finding.ok]


def test_a_good_site_has_everything():
    found = list(moodle(FakeMoodle()).check())

    assert [(name, True) for name in GOOD] == [(finding.name, finding.ok) for finding in found]


def test_where_nobody_knows_who_is_staff_a_note_says_how_to_have_it():
    noted = [finding for finding in moodle(FakeMoodle()).check() if finding.note is not None]
    silent = [finding.note for finding in moodle(FakeMoodle(), knows_staff="yes").check()]

    assert [UNASKED] == [finding.name for finding in noted]
    assert "moodle/role:review" in str(noted[0].note)
    assert "knows_staff to yes" in str(noted[0].note)
    assert {None} == set(silent)


def test_the_right_to_see_staff_is_tried_where_it_is_wanted():
    findings = list(moodle(FakeMoodle(), knows_staff="yes").check())

    assert Finding(name="staff of courses", ok=True) in findings


def test_a_check_writes_nothing():
    server = FakeMoodle()
    list(moodle(server, template_course_id="2").check())

    assert server.gradebook() == ({}, [], [])


@pytest.mark.parametrize(
    ("name", "problem", "remedy"),
    [
        ("err_invalid_token", "invalidtoken", "Manage tokens"),
        ("outage_service_disabled", "accessexception", "service is enabled"),
        ("outage_rest_protocol_disabled", "403", "Manage protocols"),
        ("outage_maintenance_enabled", "sitemaintenance", "Try again"),
    ],
)
def test_a_site_that_does_not_answer_is_one_finding(name, problem, remedy):
    [finding] = moodle(FakeMoodle(**{INFO: always(name)})).check()

    assert (finding.name, finding.ok) == ("Moodle answers with this token", False)
    assert problem in finding.problem
    assert remedy in finding.remedy


def test_something_that_is_no_moodle_is_told_as_that():
    [finding] = moodle(FakeMoodle(**{INFO: lambda _: {"hello": "world"}})).check()

    assert "siteurl" in finding.problem
    assert "base_url" in finding.remedy


def test_another_address_than_moodles_own_is_told():
    [finding] = faults(FakeMoodle(), base_url="http://127.0.0.1:8080/lms/..")

    assert finding.name == "base_url is this Moodle's own address"
    assert finding.remedy.startswith("Set base_url to http://127.0.0.1:8080,")


def test_each_function_that_the_service_lacks_is_told():
    info = body(INFO)
    info["functions"] = [f for f in info["functions"] if not f["name"].startswith("mod_assign")]
    found = faults(FakeMoodle(**{INFO: lambda _: info}))

    assert [finding.name for finding in found] == [
        "function mod_assign_get_assignments",
        "function mod_assign_save_grades",
    ]
    assert all("External services" in finding.remedy for finding in found)


def test_importing_is_asked_for_only_where_a_template_is_named():
    [finding] = faults(FakeMoodle(), template_course_id="2")

    assert finding.name == "function core_course_import_course"


def test_a_template_that_moodle_does_not_show_is_told():
    [_, finding] = faults(FakeMoodle(), template_course_id="9999")

    assert finding.name == "template course"
    assert "moodle/course:viewhiddencourses" in finding.remedy


@pytest.mark.parametrize(
    ("function", "name", "finding", "capability"),
    [
        (ENROLLED, "err_get_enrolled_users_no_cap", "permissions in a course", "course:view"),
        (
            ENROLLED,
            "err_get_enrolled_users_courseview_only",
            "permissions in a course",
            "moodle/course:viewparticipants",
        ),
        (
            "core_completion_get_course_completion_status",
            "err_completion_status_courseview_only",
            "completion status",
            "report/completion:view",
        ),
        (
            "gradereport_user_get_grade_items",
            "err_grade_items_courseview_only",
            "grades",
            "gradereport/user:view",
        ),
        (
            "mod_assign_get_assignments",
            "mod_assign_get_assignments_not_enrolled_warning",
            "assignments",
            "mod/assign:view",
        ),
        (
            ISSUES,
            "mod_customcert_list_issues_no_cap",
            "custom certificates",
            "mod/customcert:viewallcertificates",
        ),
    ],
)
def test_each_missing_capability_is_told(function, name, finding, capability):
    [told] = faults(FakeMoodle(**{function: always(name)}))

    assert told.name == finding
    assert capability in told.remedy
    assert "Define roles" in told.remedy


def test_users_who_are_not_shown_are_a_missing_capability():
    found = faults(FakeMoodle(**{USERS: always("err_get_users_by_field_no_cap")}))

    assert [finding.name for finding in found] == [
        "users",
        "e-mail addresses of users",
        "ID numbers of users",
    ]
    assert "moodle/user:viewdetails" in found[0].remedy


def test_identities_that_are_not_shown_say_which_setting_shows_them():
    """showuseridentity lists neither by the role alone."""
    shown = [
        {k: v for k, v in user.items() if k not in ("email", "idnumber")} for user in body(USERS)
    ]
    found = faults(FakeMoodle(**{USERS: lambda _: shown}))

    assert [finding.name for finding in found] == [
        "e-mail addresses of users",
        "ID numbers of users",
    ]
    assert all("Show user identity" in finding.remedy for finding in found)


def test_a_participant_whose_status_cannot_be_told_is_no_fault():
    name = "core_completion_get_course_completion_status"

    assert not faults(FakeMoodle(**{name: always(f"{name}_not_tracked")}))


def test_without_a_course_named_the_first_with_participants_is_taken():
    server = FakeMoodle()

    assert not faults(server, check_course_id=None)
    assert server.called("gradereport_user_get_grade_items") == [{"courseid": "2", "userid": "3"}]


@pytest.mark.parametrize(
    "answer",
    [lambda _: [], always(f"{ENROLLED}_unknown_course")],
    ids=["nobody enrolled", "no such course"],
)
def test_where_no_course_has_participants_it_says_so(answer):
    [finding] = faults(FakeMoodle(**{ENROLLED: answer}), check_course_id=None)

    assert finding.name == "permissions in a course"
    assert "check_course_id" in finding.remedy


def test_a_capability_missing_in_every_course_is_told():
    server = FakeMoodle(**{ENROLLED: always("err_get_enrolled_users_no_cap")})
    [finding] = faults(server, check_course_id=None)

    assert "moodle/course:view" in finding.remedy
