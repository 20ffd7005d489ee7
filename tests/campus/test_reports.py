"""The custom reports of completions are those that were recorded, cell for cell."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.campus.conftest import NOW_S, Call, capture

Post = Callable[[dict[str, str]], TestResponse]
ALL, RECENT = 1, 2
#: 23 November 2026, 7:13 AM, as a Moodle in UTC prints it.
RECORDED_AT = 1795417989


def recorded(name: str) -> dict[str, Any]:
    body: dict[str, Any] = capture(f"core_reportbuilder_retrieve_report_{name}")["response"][
        "body_json"
    ]
    return body


def rows(answer: dict[str, Any]) -> list[list[str]]:
    return [row["columns"] for row in answer["data"]["rows"]]


def retrieve(call: Call, report: int = RECENT, **paging: int) -> dict[str, Any]:
    found: dict[str, Any] = call("core_reportbuilder_retrieve_report", reportid=report, **paging)
    return found


@pytest.mark.parametrize(("name", "report"), [("recent_page0", RECENT), ("all_page0", ALL)])
def test_a_report_is_described_and_headed_as_recorded(name: str, report: int, call: Call) -> None:
    expected, answer = recorded(name), retrieve(call, report)

    assert expected["details"] == answer["details"]
    assert expected["data"]["headers"] == answer["data"]["headers"]
    assert list(expected) == list(answer)
    assert list(expected["data"]) == list(answer["data"])


def test_a_row_is_printed_as_recorded(call: Call, control: Call) -> None:
    """Learner 7 here is the recorded site's learner 10; the username came from the same name."""
    control("complete", course=2, learner=7, at=RECORDED_AT)

    expected = copy.deepcopy(rows(recorded("all_page0"))[4])
    expected[1] = "S001007"
    expected[9] = expected[9].replace("id=10", "id=7")
    assert expected == rows(retrieve(call, ALL))[0]


def test_the_recent_report_has_the_recorded_cells_in_their_order(call: Call, control: Call) -> None:
    control("complete", course=2, learner=9, at=RECORDED_AT)

    expected = rows(recorded("recent_page0"))[3]
    expected = [cell.replace("id=5", "id=9").replace("S001003", "S001009") for cell in expected]
    assert [expected] == rows(retrieve(call))


def test_the_recent_report_reaches_two_days_back_or_as_far_as_it_is_told(
    call: Call, control: Call
) -> None:
    control("complete", course=2, learner=7, at=NOW_S - 3 * 86_400)
    control("complete", course=2, learner=9, at=NOW_S - 86_400)

    assert 1 == retrieve(call)["data"]["totalrowcount"]
    control("report", days=30)
    answer = retrieve(call)
    assert 2 == answer["data"]["totalrowcount"]
    assert '"completion:timecompleted_value":30' in answer["details"]["conditiondata"]


def test_pages_are_counted_from_nought_and_the_total_is_of_all(call: Call, control: Call) -> None:
    for learner in (7, 9, 12):
        control("complete", course=2, learner=learner)
    pages = [retrieve(call, page=page, perpage=2) for page in range(3)]

    assert [2, 1, 0] == [len(rows(page)) for page in pages]
    assert [3, 3, 3] == [page["data"]["totalrowcount"] for page in pages]


def test_who_is_no_longer_enrolled_is_left_out_and_who_is_suspended_is_not(
    call: Call, control: Call
) -> None:
    for learner in (7, 9, 12):
        control("complete", course=2, learner=learner)
    control("unenrol", course=2, learner=7)
    control("delete", learner=9)
    control("suspend", course=2, learner=12)

    assert ["emma.johnson"] == [row[1] for row in rows(retrieve(call))]


def test_the_whole_report_lists_who_has_not_completed_too_without_a_time(call: Call) -> None:
    answer = retrieve(call, ALL, perpage=100)

    assert {("No", "")} == {(row[7], row[8]) for row in rows(answer)}
    assert answer["data"]["totalrowcount"] == len(rows(answer))


def test_a_report_is_shown_to_its_audience_alone(call: Call, control: Call) -> None:
    control("report", audience=False)

    assert recorded("not_in_audience") == retrieve(call)
