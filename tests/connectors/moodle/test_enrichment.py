"""What Moodle is asked about a completion, and what comes of it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connectors.base import Course, Grade, Learner, Permanent, Problem
from connectors.moodle.directory import bcp47
from connectors.testing import snapshot
from tests.connectors.moodle.fake import FakeMoodle, always, body, capture
from tests.connectors.moodle.sites import completion, moodle

STATUS = "core_completion_get_course_completion_status"
ENROLLED = "core_enrol_get_enrolled_users"
ITEMS = "gradereport_user_get_grade_items"
COMPLETED_AT = datetime.fromtimestamp(1795418023, tz=UTC)
WATER_SAFETY = Course(
    id="2", code="WS101", title="Water Safety & Rescue – Basics", category="Category 1"
)


def enriched(server: FakeMoodle, *learners: str):
    return moodle(server).enrich([completion(learner) for learner in learners])


def changed_total(**members):
    """A Moodle whose course total says something else."""
    server = FakeMoodle()
    server.items[-1] = {**server.items[-1], **members}
    return server


def test_a_completion_is_told_in_full():
    expected = dataclasses.replace(
        completion("10"),
        course=WATER_SAFETY,
        learner=Learner(
            id="10",
            full_name="Seán O'Connor",
            given_name="Seán",
            family_name="O'Connor",
            email="sean.oconnor@students.example.test",
            id_number="S001008",
            country="IE",
        ),
        completed_at=COMPLETED_AT,
        grade=Grade(percent=Decimal(1), points=Decimal(1), maximum=Decimal(100), text="1.00"),
    )

    assert enriched(FakeMoodle(), "10") == [expected]


def test_who_is_staff_of_the_course_has_a_role_where_it_is_asked_for():
    server = FakeMoodle()
    (teacher,) = (who for who in server.participants if who["id"] == 3)
    teacher["roles"] = [{**teacher["roles"][0], "shortname": "editingteacher"}]
    asked = [completion("3"), completion("10")]

    assert [None, None] == [told.role for told in moodle(server).enrich(asked)]
    assert [] == server.called(ENROLLED)
    told = moodle(server, knows_staff="yes").enrich(asked)
    assert ["editingteacher", None] == [one.role for one in told]
    [call] = server.called(ENROLLED)
    assert ("withcapability", "moodle/grade:viewall", "userfields", "roles") == tuple(
        call[f"options[{number}][{part}]"] for number in (0, 1) for part in ("name", "value")
    )


def test_a_missing_right_to_see_staff_stops_the_site_and_says_two_ways_out():
    server = FakeMoodle(**{ENROLLED: always("err_get_enrolled_users_no_cap")})
    with pytest.raises(Permanent) as caught:
        moodle(server, knows_staff=True).enrich([completion("10")])

    assert "moodle/role:review" in caught.value.remedy
    assert "knows_staff" in caught.value.remedy


def test_course_names_are_unescaped_and_user_names_are_not():
    [told] = enriched(FakeMoodle(), "24")

    assert told.course.title == "Water Safety & Rescue – Basics"
    assert told.learner.full_name == 'D\'Angelo & "Sons" de  Cruz'


def test_names_stand_as_the_site_shows_them():
    [wei, suharto] = enriched(FakeMoodle(), "5", "22")

    assert (wei.learner.full_name, wei.learner.given_name, wei.learner.family_name) == (
        "伟 王",
        "伟",
        "王",
    )
    assert suharto.learner.full_name == "Suharto ."


def test_other_names_are_read_from_the_profile_fields_that_the_site_names():
    users = "core_user_get_users_by_field"
    [user] = body(f"{users}_with_profile_field")
    field = user["customfields"][0]
    user["customfields"] = [field, {**field, "shortname": "chosen", "value": ""}]
    server = FakeMoodle(**{users: lambda _: [user]})

    def told(**settings):
        [found] = moodle(server, **settings).enrich([completion(str(user["id"]))])
        return found.learner.preferred_name, found.learner.legal_name

    named = {"legal_name_field": field["shortname"], "preferred_name_field": "chosen"}
    assert told(**named) == (None, field["value"])
    assert told(preferred_name_field=field["shortname"]) == (field["value"], None)
    assert told() == (None, None)


def test_the_time_is_the_latest_criterions_and_not_the_events():
    status = body(f"{STATUS}_complete")
    [criterion] = status["completionstatus"]["completions"]
    status["completionstatus"]["completions"] = [
        {**criterion, "timecompleted": 1795418000},
        criterion,
        {**criterion, "timecompleted": None, "complete": False},
    ]
    [told] = enriched(FakeMoodle(**{STATUS: lambda _: status}), "10")

    assert told.completed_at == COMPLETED_AT
    assert told.completed_at < told.noticed_at
    assert told.round == "2026-11-23"


def test_an_activity_criterion_is_read_like_any_other():
    [told] = enriched(FakeMoodle(**{STATUS: always(f"{STATUS}_activity_criterion")}), "3")

    assert told.completed_at == datetime.fromtimestamp(1795418177, tz=UTC)


@pytest.mark.parametrize("time", [None, 0])
def test_a_completion_without_any_time_has_none(time):
    status = body(f"{STATUS}_complete")
    status["completionstatus"]["completions"][0]["timecompleted"] = time
    [told] = enriched(FakeMoodle(**{STATUS: lambda _: status}), "10")

    assert told.completed_at is None


@pytest.mark.parametrize(
    ("learner", "problem", "remedy"),
    [
        ("28", "has not completed course 2", "completion report"),
        ("29", "usernotenroled", "Enrol the learner"),
        ("19", "usernotenroled", "Enrol the learner"),
        ("11", "usernotenroled", "reactivate the enrolment"),
        ("21", "userdeleted", "Restore it"),
        ("999999", "invaliduser", "no longer there"),
    ],
)
def test_one_learner_in_trouble_does_not_stop_the_others(learner, problem, remedy):
    [good, bad] = enriched(FakeMoodle(), "10", learner)

    assert good.completed_at == COMPLETED_AT
    assert isinstance(bad, Problem)
    assert problem in bad.problem
    assert remedy in bad.remedy


def test_a_course_that_is_gone_is_told_as_that():
    [good, gone] = moodle(FakeMoodle()).enrich([completion("10"), completion("10", "9999")])

    assert good.course == WATER_SAFETY
    assert "invalidrecord" in gone.problem


def test_a_course_without_criteria_says_where_to_set_them():
    [told] = enriched(FakeMoodle(**{STATUS: always(f"{STATUS}_no_criteria")}), "10")

    assert "Course completion" in told.remedy


# The grade


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"graderaw": None, "gradeformatted": "-"}, None),
        (
            {"graderaw": 66.66667, "gradeformatted": "66.67"},
            Grade(
                percent=Decimal("66.66667"),
                points=Decimal("66.66667"),
                maximum=Decimal(100),
                text="66.67",
            ),
        ),
        (
            {"graderaw": 59.999, "gradeformatted": "60.00"},  # no rounding over a pass mark
            Grade(
                percent=Decimal("59.999"),
                points=Decimal("59.999"),
                maximum=Decimal(100),
                text="60.00",
            ),
        ),
        (
            {"graderaw": 3, "grademin": 1, "grademax": 5, "gradeformatted": "B&amp;C"},
            Grade(percent=Decimal(50), points=Decimal(3), maximum=Decimal(5), text="B&C"),
        ),
        (
            {"graderaw": 102, "gradeformatted": "102.00"},
            Grade(percent=Decimal(100), points=Decimal(102), maximum=Decimal(100), text="102.00"),
        ),
        (
            {"graderaw": 0, "grademax": 0, "gradeformatted": ""},
            Grade(points=Decimal(0), maximum=Decimal(0)),
        ),
    ],
)
def test_the_grade_is_the_course_total(members, expected):
    [told] = enriched(changed_total(**members), "10")

    assert told.grade == expected


@pytest.mark.parametrize(
    ("points", "printed"), [(91.5, "91.5"), (100, "100"), (0, "0"), (66.66667, "66.66667")]
)
def test_the_percentage_prints_as_a_person_would_write_it(points, printed):
    [told] = enriched(changed_total(graderaw=points), "10")

    assert str(told.grade.percent) == printed


def test_without_a_course_total_there_is_no_grade():
    server = FakeMoodle()
    server.items.pop()
    [told] = enriched(server, "10")

    assert told.grade is None
    assert told.completed_at == COMPLETED_AT


def test_a_grade_that_may_not_be_seen_is_not_taken_for_none():
    with pytest.raises(Permanent) as caught:
        enriched(FakeMoodle(**{ITEMS: always("err_grade_items_courseview_only")}), "10")

    assert "gradereport/user:view" in caught.value.remedy


# Permissions


@pytest.mark.parametrize(
    ("name", "capability"),
    [
        ("err_completion_status_no_cap", "moodle/course:view"),
        ("err_completion_status_courseview_only", "report/completion:view"),
    ],
)
def test_a_capability_missing_everywhere_stops_the_site(name, capability):
    with pytest.raises(Permanent) as caught:
        enriched(FakeMoodle(**{STATUS: always(name)}), "10", "3")

    assert capability in caught.value.remedy


def test_a_capability_missing_in_one_course_stops_that_course_alone():
    server = FakeMoodle()

    def status(form):
        hidden = form["courseid"] == "3"
        return capture("err_completion_status_no_cap" if hidden else f"{STATUS}_complete")

    connector = moodle(FakeMoodle(**{STATUS: status}))
    [good, bad] = connector.enrich([completion("10"), completion("3", "3")])

    assert good.course == WATER_SAFETY
    assert "moodle/course:view" in bad.remedy
    assert server.calls == []


def test_users_who_are_all_invisible_are_a_missing_capability():
    """Without moodle/user:viewdetails Moodle answers [] and no error."""
    server = FakeMoodle(core_user_get_users_by_field=always("err_get_users_by_field_no_cap"))

    with pytest.raises(Permanent) as caught:
        enriched(server, "10", "3")

    assert "moodle/user:viewdetails" in caught.value.remedy


def test_one_invisible_user_is_a_problem_of_its_own():
    [good, unseen] = enriched(FakeMoodle(), "10", "12")

    assert good.learner.full_name == "Seán O'Connor"
    assert "does not show learner 12" in unseen.problem


def test_a_course_that_is_not_shown_is_a_problem():
    name = "core_course_get_courses_by_field"
    [told] = enriched(FakeMoodle(**{name: always(f"{name}_unknown")}), "10")

    assert "does not show course 2" in told.problem


def test_a_bad_token_stops_the_site_at_once():
    with pytest.raises(Permanent) as caught:
        enriched(FakeMoodle(**{STATUS: always("err_invalid_token")}), "10", "3")

    assert "Manage tokens" in caught.value.remedy


# How much is asked


def test_a_batch_takes_one_call_for_all_users_and_one_for_all_courses():
    server = FakeMoodle()
    enriched(server, "10", "3", "5", "7", "10")

    assert [len(server.called(name)) for name in (STATUS, ITEMS)] == [4, 1]
    assert server.called("core_user_get_users_by_field") == [
        {
            "field": "id",
            "values[0]": "3",
            "values[1]": "5",
            "values[2]": "7",
            "values[3]": "10",
        }
    ]
    assert server.called("core_course_get_courses_by_field") == [{"field": "id", "value": "2"}]


def test_several_courses_are_asked_for_together():
    name = "core_course_get_courses_by_field"
    courses = body(name)
    courses["courses"].append({**courses["courses"][0], "id": 3, "fullname": "A &lt; B"})
    server = FakeMoodle(
        **{
            name: lambda _: courses,
            STATUS: always(f"{STATUS}_complete"),
            ITEMS: _report,
        }
    )
    told = moodle(server).enrich([completion("10"), completion("10", "3")])

    assert [c.course.title for c in told] == ["Water Safety & Rescue – Basics", "A < B"]
    assert server.called(name) == [{"field": "ids", "value": "2,3"}]


def test_courses_are_asked_for_singly_where_one_that_is_gone_spoils_the_call():
    server = FakeMoodle(**{STATUS: always(f"{STATUS}_complete"), ITEMS: _report})
    [good, gone] = moodle(server).enrich([completion("10"), completion("10", "9999")])

    assert good.course == WATER_SAFETY
    assert "does not show course 9999" in gone.problem
    assert server.called("core_course_get_courses_by_field") == [
        {"field": "ids", "value": "2,9999"},
        {"field": "id", "value": "2"},
        {"field": "id", "value": "9999"},
    ]


def test_more_than_a_hundred_users_are_asked_for_a_hundred_at_a_time():
    everybody = [str(number) for number in range(1000, 1150)]
    name = "core_user_get_users_by_field"
    [user, *_] = body(name)

    def users(form):
        return [{**user, "id": int(v)} for k, v in form.items() if k.startswith("values[")]

    server = FakeMoodle(**{name: users})
    told = enriched(server, *everybody)

    assert [c.learner.id for c in told] == everybody
    assert [len(form) - 1 for form in server.called(name)] == [100, 50]


# Details of users and courses


def told_learner(**members) -> Learner:
    name = "core_user_get_users_by_field"
    user = {**body(f"{name}_with_profile_field")[0], **members}
    [told] = enriched(FakeMoodle(**{name: lambda _: [user]}), "10")
    return told.learner


def test_custom_profile_fields_go_by_their_short_names_and_raw_values():
    assert told_learner().custom == {
        "certref": 'CV-2026-000123 <a href="https://vault.example.test/c/1">Download</a>',
        "certurl": "https://vault.example.test/c/CV-2026-000123?sig=a%2Bb&exp=1",
    }


def test_optional_parts_that_are_left_out_are_none():
    name = "core_user_get_users_by_field"
    server = FakeMoodle(**{name: lambda _: [{"id": 10, "fullname": "Seán O'Connor"}]})
    [told] = enriched(server, "10")

    assert told.learner == Learner(id="10", full_name="Seán O'Connor")


def test_the_md5_of_a_deleted_account_is_no_address():
    [told] = enriched(FakeMoodle(**{STATUS: always(f"{STATUS}_complete"), ITEMS: _report}), "21")

    assert told.learner.email is None
    assert told.learner.full_name == "Adaeze Ọkọ́ńkwọ"


def test_a_users_language_is_told_where_moodle_tells_it():
    assert told_learner(lang="pt_br").language == "pt-BR"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (None, None),
        ("", None),
        ("en", "en"),
        ("pt_br", "pt-BR"),
        ("zh_cn", "zh-CN"),
        ("sr_cyrl", "sr-Cyrl"),
        ("en_us_k12", "en-US"),
        ("de_kids", "de"),
        ("sr_lt", "sr-Latn"),
        ("sr_cr", "sr-Cyrl"),
        ("ca_valencia", "ca"),
        ("fil", "fil"),
        ("EN", "en"),
        ("klingon", None),
        ("../etc", None),
    ],
)
def test_moodles_language_codes_become_bcp_47(code, expected):
    assert bcp47(code) == expected


def test_what_is_told_can_be_written_as_json():
    [told] = enriched(FakeMoodle(), "27")

    assert snapshot(told)["learner"]["full_name"] == "Sam 🎓 Rivers"


def _report(form):
    report = body(ITEMS)
    report["usergrades"][0]["userid"] = int(form["userid"])
    return report


@pytest.mark.parametrize("others", [0, 1, 40, 970])
def test_how_many_are_enrolled_is_found_by_few_small_calls(others):
    server = FakeMoodle()
    known = len(server.participants)
    server.participants += [{"id": 1000 + number} for number in range(others)]
    connector = moodle(server)

    assert known + others == connector.enrolled("2", enough=1000)
    assert len(server.called("core_enrol_get_enrolled_users")) < 12


def test_that_enough_are_enrolled_takes_one_call():
    server = FakeMoodle()
    known = len(server.participants)

    assert (known, 1) == (moodle(server).enrolled("2", enough=known), len(server.called(ENROLLED)))


def test_of_a_course_that_is_not_there_nobody_says_how_many():
    with pytest.raises(Permanent, match="Moodle refused core_enrol_get_enrolled_users"):
        moodle(FakeMoodle()).enrolled("77", enough=100)
