"""Writing certificates into the gradebook, and every way in which Moodle does not take them."""

from __future__ import annotations

import pytest

from connectors.base import Permanent, Receipt, ReceiptState, Temporary
from tests.connectors.moodle.fake import (
    CERTIFICATE,
    FakeMoodle,
    always,
    body,
    capture,
)
from tests.connectors.moodle.sites import moodle, row

SAVE = "mod_assign_save_grades"
STATUS = "core_completion_get_course_completion_status"
ITEMS = "gradereport_user_get_grade_items"
WRITTEN, WAITING, REFUSED = ReceiptState.WRITTEN, ReceiptState.WAITING, ReceiptState.REFUSED


def written(one) -> Receipt:
    return Receipt(state=WRITTEN, text=one.as_html())


def changed_assignment(**members) -> FakeMoodle:
    server = FakeMoodle()
    server.assignments[0] = {**server.assignments[0], **members}
    return server


def test_rows_are_written_as_html_in_one_call():
    server = FakeMoodle()
    rows = [row("10"), row("5")]
    receipts = moodle(server).write_back(rows)

    assert receipts == [written(one) for one in rows]
    assert len(server.called(SAVE)) == 1
    assert server.called(SAVE)[0] == {
        "assignmentid": CERTIFICATE,  # the instance, not the cmid
        "applytoall": "0",
        **{
            f"grades[{position}]{key}": value
            for position, one in enumerate(rows)
            for key, value in {
                "[userid]": one.learner_id,
                "[grade]": "-1",
                "[attemptnumber]": "-1",
                "[addattempt]": "0",
                "[workflowstate]": "",
                "[plugindata][assignfeedbackcomments_editor][text]": one.as_html(),
                "[plugindata][assignfeedbackcomments_editor][format]": "1",
            }.items()
        },
    }


def test_what_is_written_reads_back_raw():
    server = FakeMoodle()
    connector = moodle(server)
    connector.write_back([row("10")])

    assert connector.read_back([row("10"), row("5")]) == [row("10").as_html(), None]
    assert server.feedback == {(CERTIFICATE, "10"): row("10").as_html()}


def test_a_text_that_stands_there_is_not_sent_again():
    """Each call mails the learner, also for the same text."""
    server = FakeMoodle()
    connector = moodle(server)
    connector.write_back([row("10")])
    receipts = connector.write_back([row("10"), row("5")])

    assert receipts == [written(row("10")), written(row("5"))]
    assert server.mails == ["10", "5"]


def test_a_later_revision_is_sent():
    server = FakeMoodle()
    connector = moodle(server)
    connector.write_back([row("10")])
    connector.write_back([row("10", revision=2)])

    assert server.feedback == {(CERTIFICATE, "10"): row("10", revision=2).as_html()}
    assert row("10", revision=2).as_html() != row("10").as_html()


@pytest.mark.parametrize("count", [100, 101, 250])
def test_at_most_a_hundred_rows_are_written_at_a_time(count):
    server = FakeMoodle()
    rows = [row(str(number)) for number in range(1000, 1000 + count)]
    receipts = moodle(server).write_back(rows)

    assert receipts == [written(one) for one in rows]
    assert [sum(key.endswith("[userid]") for key in form) for form in server.called(SAVE)] == [
        min(100, count - start) for start in range(0, count, 100)
    ]


# Null does not mean stored


@pytest.mark.parametrize(
    ("learner", "problem"),
    [
        ("29", "usernotenroled"),
        ("19", "usernotenroled"),
        ("11", "usernotenroled"),  # the enrolment is suspended
        ("21", "userdeleted"),
        ("999999", "invaliduser"),
    ],
)
def test_a_learner_who_is_not_in_the_course_is_refused_and_the_others_written(learner, problem):
    server = FakeMoodle()
    receipts = moodle(server).write_back([row("10"), row(learner), row("5")])

    assert [receipt.state for receipt in receipts] == [WRITTEN, REFUSED, WRITTEN]
    assert problem in receipts[1].problem
    assert receipts[1].remedy
    assert server.mails == ["10", "5"]


def test_a_course_whose_criteria_are_gone_is_still_written_to():
    """Moodle looks at enrolment before it looks for criteria."""
    server = FakeMoodle(**{STATUS: always(f"{STATUS}_no_criteria")})

    assert moodle(server).write_back([row("10")]) == [written(row("10"))]


@pytest.mark.parametrize(
    ("members", "problem", "remedy"),
    [
        ({"grade": 100}, "gives grades", "Grade type to None"),
        ({"grade": -2}, "gives grades", "Grade type to None"),  # by a scale
        ({"nosubmissions": 0}, "takes submissions", "Submission types"),
        ({"configs": []}, "takes no feedback comments", "Feedback comments"),
        (
            {
                "configs": [
                    {
                        "plugin": "comments",
                        "subtype": "assignsubmission",
                        "name": "enabled",
                        "value": "1",
                    },
                    {
                        "plugin": "comments",
                        "subtype": "assignfeedback",
                        "name": "enabled",
                        "value": "0",
                    },
                ]
            },
            "takes no feedback comments",
            "Feedback comments",
        ),
        ({"markingworkflow": 1}, "marking workflow", "marking workflow to No"),
    ],
    ids=["points", "scale", "submissions", "no plugin", "only submission comments", "workflow"],
)
def test_an_assignment_that_is_not_fit_is_never_written_to(members, problem, remedy):
    server = changed_assignment(**members)
    [receipt] = moodle(server).write_back([row("10")])

    assert receipt.state is REFUSED
    assert "“Certificate” of course 2" in receipt.problem
    assert problem in receipt.problem
    assert remedy in receipt.remedy
    assert server.gradebook() == ({}, [], [])


def test_the_captured_graded_assignment_is_never_written_to():
    """grade=-1 erased a teacher's 77 there."""
    server = FakeMoodle()
    [receipt] = moodle(server, assignment_idnumber="certg-WS101").write_back([row("10")])

    assert receipt.state is REFUSED
    assert "erase the teacher's grade" in receipt.problem
    assert server.called(SAVE) == []


@pytest.mark.parametrize("lock", ["locked", "gradeislocked"])
def test_a_locked_column_is_refused(lock):
    server = FakeMoodle()
    server.items[0][lock] = True
    [receipt] = moodle(server).write_back([row("10")])

    assert receipt.state is REFUSED
    assert "locked" in receipt.problem
    assert "Unlock" in receipt.remedy
    assert server.mails == []


def test_a_manual_column_with_our_id_number_is_refused():
    [receipt] = moodle(FakeMoodle(), assignment_idnumber="certtext-WS101").write_back([row("10")])

    assert receipt.state is REFUSED
    assert "“Certificate (text item)”, which is no assignment" in receipt.problem


def test_an_assignment_that_moodle_does_not_show_is_refused():
    server = FakeMoodle(
        mod_assign_get_assignments=always("mod_assign_get_assignments_not_enrolled_warning")
    )
    [receipt] = moodle(server).write_back([row("10")])

    assert receipt.state is REFUSED
    assert "mod/assign:view" in receipt.remedy


@pytest.mark.parametrize("order", [["10", "5"], ["5", "10"]])
def test_a_column_hidden_from_one_learner_refuses_that_row_alone(order):
    """An access restriction that hides the assignment entirely."""

    class Restricted(FakeMoodle):
        def _gradereport_user_get_grade_items(self, form):
            answer = super()._gradereport_user_get_grade_items(form)
            if form["userid"] == "5":
                del answer["usergrades"][0]["gradeitems"][0]
            return answer

    server = Restricted()
    receipts = moodle(server).write_back([row(learner) for learner in order])
    told = dict(zip(order, receipts, strict=True))

    assert told["10"] == written(row("10"))
    assert told["5"].state is REFUSED
    assert "learner 5 does not show" in told["5"].problem
    assert "access restriction" in told["5"].remedy
    assert server.mails == ["10"]


# No place yet


def test_a_course_without_the_assignment_waits_and_says_which_and_how():
    server = FakeMoodle()
    [receipt] = moodle(server, assignment_idnumber="vaultbridge").write_back([row("10")])

    assert receipt.state is WAITING
    assert receipt.problem.startswith(
        "Course 2 “Water Safety & Rescue – Basics” has no assignment with the ID number "
        "“vaultbridge”"
    )
    assert "`vaultbridge site courses SITE --create`" in receipt.remedy
    assert server.called(SAVE) == []


def test_a_course_that_is_gone_is_refused():
    [good, gone] = moodle(FakeMoodle()).write_back([row("10"), row("10", "9999")])

    assert good == written(row("10"))
    assert gone.state is REFUSED
    assert "invalidrecord" in gone.problem


# Permissions and outages


@pytest.mark.parametrize(
    ("function", "name", "capability"),
    [
        (ITEMS, "err_grade_items_no_cap", "moodle/course:view"),
        (ITEMS, "err_grade_items_courseview_only", "gradereport/user:view"),
        (STATUS, "err_completion_status_courseview_only", "report/completion:view"),
        (SAVE, "err_assign_save_grade_no_cap", "mod/assign:view"),
        (SAVE, "err_assign_save_grade_courseview_only", "mod/assign:view"),
    ],
)
def test_a_capability_missing_everywhere_stops_the_site(function, name, capability):
    with pytest.raises(Permanent) as caught:
        moodle(FakeMoodle(**{function: always(name)})).write_back([row("10"), row("5")])

    assert capability in caught.value.remedy


def test_a_capability_missing_for_one_learner_refuses_that_row_alone():
    """Separate groups: Moodle's source says accessdenied."""
    error = {"exception": "moodle_exception", "errorcode": "accessdenied", "message": "x"}
    complete = f"{STATUS}_complete"
    server = FakeMoodle(
        **{STATUS: lambda form: error if form["userid"] == "5" else capture(complete)}
    )
    [good, bad] = moodle(server).write_back([row("10"), row("5")])

    assert good == written(row("10"))
    assert bad.state is REFUSED
    assert "moodle/site:accessallgroups" in bad.remedy


@pytest.mark.parametrize("function", [ITEMS, STATUS, SAVE, "mod_assign_get_assignments"])
def test_a_bad_token_stops_the_site_at_once(function):
    with pytest.raises(Permanent) as caught:
        moodle(FakeMoodle(**{function: always("err_invalid_token")})).write_back([row("10")])

    assert "Manage tokens" in caught.value.remedy


def test_two_writers_at_once_is_temporary():
    server = FakeMoodle(**{SAVE: always("mod_assign_save_grade_without_plugindata")})

    with pytest.raises(Temporary) as caught:
        moodle(server).write_back([row("10")])

    assert "dmlwriteexception" in str(caught.value)


def test_an_assignment_deleted_meanwhile_is_refused():
    server = FakeMoodle(**{SAVE: always("mod_assign_save_grade_err_unknown_assignment")})
    [receipt] = moodle(server).write_back([row("10")])

    assert receipt.state is REFUSED
    assert "invalidrecord" in receipt.problem


def test_an_answer_of_unknown_shape_is_permanent():
    with pytest.raises(Permanent) as caught:
        moodle(FakeMoodle(**{ITEMS: lambda _: {"usergrades": 1}})).write_back([row("10")])

    assert "gradereport_user_get_grade_items.usergrades" in caught.value.problem


# Reading back


@pytest.mark.parametrize("learner", ["21", "999999"])
def test_who_is_gone_reads_back_as_nothing(learner):
    assert moodle(FakeMoodle()).read_back([row("10"), row(learner)]) == [None, None]


def test_a_hidden_column_reads_back_as_nothing():
    """Moodle leaves hidden items out of the report."""
    server = FakeMoodle()
    moodle(server).write_back([row("10")])
    del server.items[0]

    assert moodle(server).read_back([row("10")]) == [None]


def test_an_unenrolled_learners_row_still_reads_back():
    server = FakeMoodle(**{ITEMS: always(f"{ITEMS}_enrolment_suspended")})
    [text] = moodle(server).read_back([row("11")])

    items = body(f"{ITEMS}_enrolment_suspended")["usergrades"][0]["gradeitems"]
    assert text == items[0]["feedback"]
    assert text.startswith("batch ")


def test_only_the_learners_own_report_is_read():
    def reports(form):
        answer = body(ITEMS)
        [report] = answer["usergrades"]
        items = [{**report["gradeitems"][0], "feedback": "somebody else's"}]
        answer["usergrades"] = [{**report, "userid": 5, "gradeitems": items}, report]
        return answer

    [text] = moodle(FakeMoodle(**{ITEMS: reports})).read_back([row("10")])

    assert text.startswith('<div class="certbridge" data-ref="CV-2026-000123">')


def test_a_missing_capability_is_not_taken_for_an_empty_row():
    with pytest.raises(Permanent):
        moodle(FakeMoodle(**{ITEMS: always("err_grade_items_no_cap")})).read_back([row("10")])
