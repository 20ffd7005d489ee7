"""Listing completions: ids out of links, moments out of texts, and what an admin did otherwise."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.base import Capability, Completion, Course, Learner, Permanent, Temporary
from connectors.moodle import completions
from tests.connectors.moodle.fake import FakeMoodle, always, body, capture
from tests.connectors.moodle.sites import moodle

REPORT = "core_reportbuilder_retrieve_report"
RECORDED: Mapping[str, Any] = body(f"{REPORT}_recent_page0")
MORNING = datetime(2026, 11, 23, 7, 13, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def page(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The recorded page, changed, with no more rows than it shows."""
    answer: dict[str, Any] = copy.deepcopy(dict(RECORDED))
    answer["data"]["totalrowcount"] = len(answer["data"]["rows"])
    change(answer)
    return answer


def listed(answer: Any, *, since: datetime = LONG_AGO) -> list[Completion]:
    server = FakeMoodle(**{REPORT: lambda _: answer})
    return list(moodle(server).completions(since=since))


def told(course: str, learner: str, moment: datetime) -> Completion:
    return Completion(course=Course(id=course), learner=Learner(id=learner), noticed_at=moment)


def test_the_recorded_report_is_read() -> None:
    expected = [
        told("2", "3", MORNING),
        told("3", "3", MORNING.replace(minute=16)),
        told("2", "4", MORNING),
        told("2", "5", MORNING),
        told("2", "6", MORNING.replace(minute=15)),
    ]

    assert expected == listed(page(lambda _: None))


def test_the_columns_may_stand_in_any_order() -> None:
    answer = body(f"{REPORT}_all_page0")
    answer["data"]["totalrowcount"] = 5

    learners = [(found.course.id, found.learner.id) for found in listed(answer)]
    assert [("2", "3"), ("2", "4"), ("2", "5"), ("2", "7"), ("2", "10")] == learners


def test_a_learner_without_a_time_has_not_completed() -> None:
    def change(answer: dict[str, Any]) -> None:
        answer["data"]["rows"][0]["columns"][6] = ""
        answer["data"]["rows"][1]["columns"][6] = None

    assert ["4", "5", "6"] == [found.learner.id for found in listed(page(change))]


def test_a_deleted_account_is_passed_over() -> None:
    def change(answer: dict[str, Any]) -> None:
        answer["data"]["rows"][0]["columns"][0] = ""

    assert 4 == len(listed(page(change)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Monday, 23 November 2026, 7:13 AM", MORNING),
        ("Monday, 23 November 2026, 12:00 AM", datetime(2026, 11, 23, 0, 0, tzinfo=UTC)),
        ("Monday, 23 November 2026, 12:30 PM", datetime(2026, 11, 23, 12, 30, tzinfo=UTC)),
        ("Sunday, 1 March 2026, 11:59\u202fPM", datetime(2026, 3, 1, 23, 59, tzinfo=UTC)),
        ("Monday, November 23, 2026, 7:13 AM", MORNING),
        ("23 November 2026, 07:13", MORNING),
    ],
)
def test_a_moment_is_read_as_english_prints_it(text: str, expected: datetime) -> None:
    def change(answer: dict[str, Any]) -> None:
        answer["data"]["rows"] = answer["data"]["rows"][:1]
        answer["data"]["rows"][0]["columns"][6] = text

    assert [expected] == [found.noticed_at for found in listed(page(change))]


def _cell(answer: dict[str, Any], column: int, text: str) -> None:
    for row in answer["data"]["rows"]:
        row["columns"][column] = text


@pytest.mark.parametrize(
    ("change", "problem", "remedy"),
    [
        (
            lambda a: _cell(a, 6, "Montag, 23. November 2026, 07:13"),
            "no time in English",
            "preferred language to English",
        ),
        (lambda a: _cell(a, 6, "31 February 2026, 7:13 AM"), "no time in English", "English"),
        (
            lambda a: a["data"]["headers"].__setitem__(6, "Abgeschlossen am"),
            'no column headed "Time completed"',
            "preferred language to English",
        ),
        (lambda a: _cell(a, 0, "Seán O'Connor"), "lacks Full name with link", "Add the column"),
        (lambda a: _cell(a, 4, "WS101"), "lacks Course short name with link", "Add the column"),
        (lambda a: a["data"]["rows"][0]["columns"].pop(), "a shape this connector", "Report it"),
    ],
)
def test_a_report_made_otherwise_is_told_with_what_to_change(
    change: Callable[[dict[str, Any]], None], problem: str, remedy: str
) -> None:
    with pytest.raises(Permanent) as caught:
        listed(page(change))

    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "problem", "remedy"),
    [
        ("unknown", "no custom report 2", "completions_report_id"),
        ("not_in_audience", "errorreportview", "Audience"),
    ],
)
def test_a_report_that_is_not_shown_is_told_as_such(name: str, problem: str, remedy: str) -> None:
    server = FakeMoodle(**{REPORT: always(f"{REPORT}_{name}")})
    with pytest.raises(Permanent) as caught:
        list(moodle(server).completions(since=LONG_AGO))

    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


def test_what_is_older_is_left_out_within_what_a_zone_can_hide() -> None:
    answer = page(lambda _: None)

    assert 5 == len(listed(answer, since=MORNING + timedelta(hours=14)))
    assert [] == listed(answer, since=MORNING + timedelta(hours=16))


def many(form: Mapping[str, str], *, total: int) -> dict[str, Any]:
    """A page out of so many rows, as a server would cut it."""
    number, size = int(form["page"]), int(form["perpage"])
    rows = []
    for user in range(number * size, min(total, (number + 1) * size)):
        row = copy.deepcopy(RECORDED["data"]["rows"][0])
        row["columns"][0] = row["columns"][0].replace("id=3", f"id={user + 1}")
        rows.append(row)
    return {**RECORDED, "data": {**RECORDED["data"], "rows": rows, "totalrowcount": total}}


def test_pages_are_turned_until_the_end() -> None:
    server = FakeMoodle(**{REPORT: lambda form: many(form, total=2 * completions.PAGE + 1)})

    found = [one.learner.id for one in moodle(server).completions(since=LONG_AGO)]

    assert [str(number + 1) for number in range(2 * completions.PAGE + 1)] == found
    assert ["0", "1", "2"] == [form["page"] for form in server.called(REPORT)]


def test_a_total_that_is_not_true_ends_with_the_rows() -> None:
    def boast(form: Mapping[str, str]) -> dict[str, Any]:
        answer = many(form, total=3)
        answer["data"]["totalrowcount"] = 10**9
        return answer

    server = FakeMoodle(**{REPORT: boast})

    assert 3 == len(list(moodle(server).completions(since=LONG_AGO)))
    assert 2 == len(server.called(REPORT))


def test_a_page_that_does_not_come_is_told_after_those_that_came() -> None:
    def failing(form: Mapping[str, str]) -> Any:
        return many(form, total=1500) if form["page"] == "0" else capture("outage_database_down")

    server = FakeMoodle(**{REPORT: failing})
    found = moodle(server).completions(since=LONG_AGO)

    assert "1" == next(found).learner.id
    with pytest.raises(Temporary):
        list(found)


def test_without_a_report_nothing_can_be_listed() -> None:
    connector = moodle(FakeMoodle(), completions_report_id=None)

    assert Capability.LIST_COMPLETIONS not in connector.capabilities()
    assert [] == list(connector.completions(since=LONG_AGO))


def test_a_check_tells_how_far_back_the_report_goes() -> None:
    unlimited = page(lambda answer: answer["details"].__setitem__("conditiondata", None))
    for answer, expected in (
        (capture(f"{REPORT}_recent_page0"), "report of completions of the last 2 days"),
        (unlimited, "report of completions of all time"),
    ):
        names = [f.name for f in moodle(FakeMoodle(**{REPORT: lambda _, a=answer: a})).check()]
        assert expected in names


def test_a_check_tells_a_report_that_cannot_be_read() -> None:
    strange = page(lambda a: a["details"].__setitem__("conditiondata", json.dumps([1])))
    for answer in (capture(f"{REPORT}_not_in_audience"), strange):
        findings = moodle(FakeMoodle(**{REPORT: lambda _, a=answer: a})).check()
        assert [False] == [f.ok for f in findings if f.name == "report of completions"]
