"""Moodle's answers: what each means, as captured on 4.5.6."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from connectors.base import Permanent, Temporary
from connectors.moodle.client import MoodleClient
from connectors.moodle.errors import Kind, Refusal
from connectors.moodle.settings import MoodleSettingsSchema
from tests.connectors.moodle.fake import TOKEN, capture
from tests.connectors.moodle.sites import NOW, SETTINGS

STATUS = "core_completion_get_course_completion_status"


def client(handler) -> MoodleClient:
    return MoodleClient(
        MoodleSettingsSchema().load(SETTINGS),
        http=httpx.Client(transport=httpx.MockTransport(handler)),
        now=lambda: NOW,
    )


def refusal(name: str, function: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        client(lambda _: capture(name)).call(function)
    return caught.value


def test_a_call_is_a_form_post_with_the_token_in_the_body_alone():
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(200, content=b"null")

    rows = [{"userid": "10", "grade": -1, "addattempt": False, "plugindata": {"e": {"format": 1}}}]
    client(answer).call("mod_assign_save_grades", assignmentid="1", grades=rows)
    [request] = seen

    assert request.method == "POST"
    assert str(request.url) == "http://127.0.0.1:8080/webservice/rest/server.php"
    assert TOKEN not in str(request.headers)
    assert dict(httpx.QueryParams(request.content.decode())) == {
        "wstoken": TOKEN,
        "wsfunction": "mod_assign_save_grades",
        "moodlewsrestformat": "json",
        "assignmentid": "1",
        "grades[0][userid]": "10",
        "grades[0][grade]": "-1",
        "grades[0][addattempt]": "0",
        "grades[0][plugindata][e][format]": "1",
    }


def test_null_is_a_writers_success():
    answer = client(lambda _: capture("mod_assign_save_grades_batch")).call("x")

    assert answer.value is None


@pytest.mark.parametrize("name", ["outage_maintenance_enabled", "outage_database_down"])
def test_an_outage_under_status_200_is_temporary(name):
    with pytest.raises(Temporary) as caught:
        client(lambda _: capture(name)).call("core_webservice_get_site_info")

    assert "<" not in str(caught.value)


def test_maintenance_from_the_command_line_is_temporary_and_says_how_long():
    with pytest.raises(Temporary) as caught:
        client(lambda _: capture("outage_maintenance_mode_cli_off")).call("x")

    assert caught.value.retry_after == timedelta(seconds=300)


@pytest.mark.parametrize("name", ["without_plugindata", "empty_plugindata"])
def test_a_failed_write_to_the_database_is_temporary(name):
    """Two writers at once give the same code as plugindata left out, which we never do."""
    with pytest.raises(Temporary):
        client(lambda _: capture(f"mod_assign_save_grade_{name}")).call("mod_assign_save_grades")


@pytest.mark.parametrize("name", ["outage_webservices_disabled", "outage_rest_protocol_disabled"])
def test_web_services_switched_off_say_where_to_switch_them_on(name):
    with pytest.raises(Permanent) as caught:
        client(lambda _: capture(name)).call("core_webservice_get_site_info")

    assert "Advanced features" in caught.value.remedy
    assert "Manage protocols" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "code", "hint"),
    [
        ("err_invalid_token", "invalidtoken", "Manage tokens"),
        ("err_missing_token", "invalidtoken", "Manage tokens"),
        ("err_function_not_in_service", "accessexception", "holds this function"),
        ("outage_service_disabled", "accessexception", "service is enabled"),
        ("outage_token_expired", "accessexception", "token has not expired"),
        ("outage_ip_restricted", "accessexception", "IP address"),
        ("outage_user_not_authorised_for_service", "accessexception", "authorises the service"),
        ("outage_user_suspended", "wsaccessusersuspended", "Browse list of users"),
        ("err_unknown_function", "invalidrecord", "Update it to 4.1"),
    ],
)
def test_what_is_wrong_with_the_site_is_told_with_a_remedy(name, code, hint):
    told = refusal(name, "core_webservice_get_site_info")

    assert (told.code, told.kind) == (code, Kind.SITE)
    assert hint in told.remedy


@pytest.mark.parametrize(
    ("name", "function", "capabilities"),
    [
        ("err_completion_status_no_cap", STATUS, ["moodle/course:view"]),
        ("err_completion_status_courseview_only", STATUS, ["report/completion:view"]),
        ("err_grade_items_no_cap", "gradereport_user_get_grade_items", ["moodle/course:view"]),
        (
            "err_grade_items_courseview_only",
            "gradereport_user_get_grade_items",
            ["gradereport/user:view"],
        ),
        (
            "err_get_enrolled_users_no_cap",
            "core_enrol_get_enrolled_users",
            ["moodle/course:view"],
        ),
        (
            "err_get_enrolled_users_courseview_only",
            "core_enrol_get_enrolled_users",
            ["moodle/course:viewparticipants"],
        ),
        (
            "err_assign_save_grade_courseview_only",
            "mod_assign_save_grades",
            ["moodle/course:view", "mod/assign:view"],
        ),
        (
            "core_course_import_course_no_cap",
            "core_course_import_course",
            [
                "moodle/course:view",
                "moodle/course:viewhiddencourses",
                "moodle/backup:backuptargetimport",
                "moodle/restore:restoretargetimport",
            ],
        ),
    ],
)
def test_a_missing_capability_is_named_and_where_to_grant_it(name, function, capabilities):
    told = refusal(name, function)

    assert told.kind is Kind.CAPABILITY
    assert told.remedy.startswith(f"Allow {' and '.join(capabilities)} in the role")
    assert "Site administration → Users → Permissions → Define roles" in told.remedy


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("core_completion_get_course_completion_status_no_criteria", "nocriteriaset"),
        ("core_completion_get_course_completion_status_not_tracked", "usernotenroled"),
        ("core_completion_get_course_completion_status_unknown_course", "invalidrecord"),
        ("core_completion_get_course_completion_status_unknown_user", "invaliduser"),
        ("core_completion_status_user_deleted", "userdeleted"),
        ("err_bad_type_parameter", "invalidparameter"),
        ("err_missing_parameter", "invalidparameter"),
        ("core_grades_get_gradeitems", ""),  # a TypeError without any code
        ("core_courseformat_create_module", "Module assign does not support quick creation"),
    ],
)
def test_what_concerns_one_learner_or_course_is_told_as_that(name, code):
    told = refusal(name, STATUS)

    assert (told.code, told.kind) == (code, Kind.ONE)
    assert told.remedy


def test_codes_count_and_not_the_exceptions_class():
    """4.1 has ``moodle_exception`` where 4.5 has ``core\\exception\\moodle_exception``."""
    body = {"exception": "moodle_exception", "errorcode": "invalidtoken", "message": "x"}

    with pytest.raises(Refusal) as caught:
        client(lambda _: httpx.Response(200, json=body)).call("x")

    assert caught.value.kind is Kind.SITE


def test_a_php_notice_before_the_json_does_not_hide_it():
    answer = client(lambda _: capture("core_grades_update_grades_cm_of_other_course")).call("x")

    assert answer.value == 0


def test_an_error_behind_a_php_notice_is_still_an_error():
    body = b'<br />\n<b>Notice</b>: x\n{"exception": "e", "errorcode": "invalidtoken"}'

    with pytest.raises(Refusal):
        client(lambda _: httpx.Response(200, content=body)).call("x")


def test_no_error_tells_the_token_even_if_moodle_does():
    body = {"exception": "e", "errorcode": f"c {TOKEN}", "message": "x" * 290 + TOKEN}

    with pytest.raises(Refusal) as caught:
        client(lambda _: httpx.Response(200, json=body)).call("x")

    told = f"{caught.value} {caught.value.remedy} {caught.value.code}"

    assert TOKEN[:6] not in told


@pytest.mark.parametrize("wrong", [None, 1, [], {"a": 1}, "x" * 5000])
def test_an_error_of_odd_shape_is_still_told(wrong):
    body = {"exception": wrong, "errorcode": wrong, "message": wrong}

    with pytest.raises(Refusal) as caught:
        client(lambda _: httpx.Response(200, json=body)).call("x")

    assert len(str(caught.value)) < 1000
