"""Writing certificates into the gradebook, and every way in which Moodle does not take them."""

from __future__ import annotations

import pytest

from connectors.base import Cell, Permanent, Receipt, ReceiptState, Temporary
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
PARTICIPANTS = "core_enrol_get_enrolled_users"
WRITTEN, WAITING = ReceiptState.WRITTEN, ReceiptState.WAITING
REFUSED, OVERRIDDEN = ReceiptState.REFUSED, ReceiptState.OVERRIDDEN


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

    assert connector.read_back([row("10"), row("5")]) == [
        Cell(text=row("10").as_html()),
        Cell(text=None),
    ]
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


# What a person wrote


def test_what_a_person_wrote_is_left_alone_and_mails_nobody():
    server = FakeMoodle()
    server.a_person_writes(row("10"), "<p>See me.</p>")
    receipts = moodle(server).write_back([row("10"), row("5")])

    assert [OVERRIDDEN, WRITTEN] == [receipt.state for receipt in receipts]
    assert server.mails == ["5"]


def test_what_was_ours_and_was_changed_is_a_persons():
    server = FakeMoodle()
    server.a_person_writes(row("10"), row("10").as_html().replace("Issued", "Withdrawn!"))
    [receipt] = moodle(server).write_back([row("10", revision=2)])

    assert receipt.state is OVERRIDDEN


def test_an_older_text_of_ours_that_came_back_is_written_over():
    """A restored course: nobody knows this text but its own checksum."""
    server = FakeMoodle()
    server.a_person_writes(row("10"), row("10", revision=3).as_html())

    assert moodle(server).write_back([row("10", revision=7)]) == [written(row("10", revision=7))]


def test_a_cell_that_is_overridden_is_left_alone_whatever_it_says():
    """What is saved in the assignment then does not reach the gradebook."""
    server = FakeMoodle()
    server.overridden.add((CERTIFICATE, "10"))
    [receipt] = moodle(server).write_back([row("10")])
    [cell] = moodle(server).read_back([row("10")])

    assert (OVERRIDDEN, Cell(text=None, taken_over=True)) == (receipt.state, cell)
    assert server.mails == []


def test_a_cell_that_is_graded_is_left_alone():
    server = FakeMoodle()
    server.items[0]["graderaw"] = 0
    [receipt] = moodle(server).write_back([row("10")])

    assert receipt.state is OVERRIDDEN


# Few calls


def learners(count):
    return [str(number) for number in range(1000, 1000 + count)]


def of_course(*learner_ids):
    """A course in which these take part, besides those of the captures."""
    server = FakeMoodle()
    server.participants = [*server.participants, *({"id": int(one)} for one in learner_ids)]
    return server


def counted(server):
    return {name: len(server.called(name)) for name in (PARTICIPANTS, ITEMS, STATUS, SAVE)}


def test_many_rows_of_a_course_take_one_look_and_a_write_a_hundred():
    server = of_course(*learners(250))
    rows = [row(one) for one in learners(250)]
    receipts = moodle(server).write_back(rows)

    assert receipts == [written(one) for one in rows]
    assert counted(server) == {PARTICIPANTS: 1, ITEMS: 1, STATUS: 0, SAVE: 3}
    assert "userid" not in server.called(ITEMS)[0]


def test_many_rows_of_a_course_are_read_back_in_two_calls():
    server = of_course(*learners(50))
    rows = [row(one) for one in learners(50)]
    moodle(server).write_back(rows)
    server.calls.clear()

    assert moodle(server).read_back(rows) == [Cell(text=one.as_html()) for one in rows]
    assert counted(server) == {PARTICIPANTS: 1, ITEMS: 1, STATUS: 0, SAVE: 0}


def test_of_a_large_course_a_few_rows_are_read_one_by_one():
    server = of_course(*learners(200))
    rows = [row(one) for one in learners(5)]
    moodle(server).write_back(rows)

    assert counted(server) == {PARTICIPANTS: 1, ITEMS: 5, STATUS: 5, SAVE: 1}


def test_whom_the_courses_report_leaves_out_is_asked_for_alone_before_a_write():
    server = of_course(*learners(20))
    receipts = moodle(server).write_back([*(row(one) for one in learners(20)), row("19")])

    assert receipts[-1].state is REFUSED
    assert "usernotenroled" in receipts[-1].problem
    assert counted(server) == {PARTICIPANTS: 1, ITEMS: 2, STATUS: 1, SAVE: 1}


def test_a_look_asks_for_few_of_those_who_have_left_the_course():
    server = of_course()
    gone = [row(one) for one in learners(30)]
    cells = moodle(server).read_back(gone)

    assert [Cell(text=None)] * 10 + [None] * 20 == cells
    assert counted(server)[ITEMS] == 11


def test_a_course_that_is_gone_is_asked_for_once():
    server = FakeMoodle()
    receipts = moodle(server).write_back([row(one, "9999") for one in learners(50)])

    assert {REFUSED} == {receipt.state for receipt in receipts}
    assert sum(counted(server).values()) == 1


def test_who_may_not_list_participants_reads_one_by_one():
    server = of_course(*learners(6))
    server.functions[PARTICIPANTS] = always("err_get_enrolled_users_courseview_only")
    rows = [row(one) for one in learners(6)]

    assert moodle(server).write_back(rows) == [written(one) for one in rows]
    assert counted(server)[ITEMS] == 6


# Reading back


@pytest.mark.parametrize("learner", ["21", "999999"])
def test_of_who_is_gone_nothing_is_told(learner):
    assert moodle(FakeMoodle()).read_back([row("10"), row(learner)]) == [Cell(text=None), None]


def test_a_hidden_column_reads_back_as_nothing():
    """Moodle leaves hidden items out of the report."""
    server = FakeMoodle()
    moodle(server).write_back([row("10")])
    del server.items[0]

    assert moodle(server).read_back([row("10")]) == [Cell(text=None)]


def test_an_unenrolled_learners_row_still_reads_back():
    server = FakeMoodle(**{ITEMS: always(f"{ITEMS}_enrolment_suspended")})
    [cell] = moodle(server).read_back([row("11")])

    items = body(f"{ITEMS}_enrolment_suspended")["usergrades"][0]["gradeitems"]
    assert cell == Cell(text=items[0]["feedback"])
    assert cell.text.startswith("batch ")


def test_only_the_learners_own_report_is_read():
    def reports(form):
        answer = body(ITEMS)
        [report] = answer["usergrades"]
        items = [{**report["gradeitems"][0], "feedback": "somebody else's"}]
        answer["usergrades"] = [{**report, "userid": 5, "gradeitems": items}, report]
        return answer

    [cell] = moodle(FakeMoodle(**{ITEMS: reports})).read_back([row("10")])

    assert cell.text.startswith('<div class="certbridge" data-ref="CV-2026-000123">')


def test_a_missing_capability_is_not_taken_for_an_empty_row():
    with pytest.raises(Permanent):
        moodle(FakeMoodle(**{ITEMS: always("err_grade_items_no_cap")})).read_back([row("10")])
