"""What local_webhooks sends: believed, read, or set apart."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.base import InboundRequest, Malformed, Quarantined, Unverified
from connectors.testing import recorded_request
from tests.connectors.moodle.fake import FakeMoodle
from tests.connectors.moodle.sites import SETTINGS, WEBHOOK_TOKEN, moodle

HERE = Path(__file__).parent
CRON = HERE / "recordings" / "completed_by_cron"
FOREIGN = sorted((HERE / "foreign").iterdir())


@pytest.fixture
def connector():
    return moodle(FakeMoodle())


def recorded(name: str) -> InboundRequest:
    return recorded_request(HERE / "recordings" / name)[0]


def changed(request: InboundRequest, **members: Any) -> InboundRequest:
    event = {**json.loads(request.body), **members}
    body = json.dumps({k: v for k, v in event.items() if v is not ...}).encode()
    return dataclasses.replace(request, body=body)


def from_agent(request: InboundRequest, agent: str | None) -> InboundRequest:
    headers = {k: v for k, v in request.headers.items() if k != "user-agent"}
    if agent is not None:
        headers["user-agent"] = agent
    return dataclasses.replace(request, headers=headers)


def test_the_learner_is_not_whoever_ran_the_code(connector):
    """Cron runs as the admin, user 2."""
    request = recorded("completed_by_cron")

    assert json.loads(request.body)["userid"] == "2"
    assert [c.learner.id for c in connector.parse(request)] == ["12"]


def test_json_is_read_whatever_the_content_type_says(connector):
    request = recorded("completed_json_under_form_type")
    connector.verify(request)

    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert [c.learner.id for c in connector.parse(request)] == ["7"]


def test_a_completion_fired_again_differs_only_in_the_time_it_was_noticed(connector):
    """After "unlock completion": another objectid and timecreated, the same completion."""
    first, again = recorded("completed_first"), recorded("completed_again_after_unlock")
    [one], [two] = connector.parse(first), connector.parse(again)

    assert json.loads(first.body)["objectid"] != json.loads(again.body)["objectid"]
    assert one.noticed_at < two.noticed_at
    assert one == dataclasses.replace(two, noticed_at=one.noticed_at)


def test_the_completion_time_is_left_open_until_moodle_is_asked(connector):
    [completion] = connector.parse(recorded("completed_by_cron"))

    assert completion.completed_at is None
    assert completion.round == ""


def test_ids_may_come_as_numbers_too(connector):
    as_text = recorded("completed_by_cron")
    as_numbers = changed(as_text, courseid=2, relateduserid=12, timecreated="1795419567")

    assert connector.parse(as_text) == connector.parse(as_numbers)


@pytest.mark.parametrize("wrong", [..., None, "", "00", 0, -1, True, 1.5, "1; drop", [], "²"])
@pytest.mark.parametrize("member", ["relateduserid", "courseid"])
def test_an_id_that_is_none_is_malformed(connector, member, wrong):
    with pytest.raises(Malformed) as caught:
        connector.parse(changed(recorded("completed_by_cron"), **{member: wrong}))

    assert caught.value.path == f"$.{member}"


@pytest.mark.parametrize("name", ["\\core\\event\\course_viewed", "\\core\\event\\user_loggedin"])
def test_other_events_are_named_and_give_nothing(connector, name):
    request = changed(recorded("completed_by_cron"), eventname=name, relateduserid=None)

    assert connector.event_name(request) == name
    assert connector.parse(request) == []


def test_it_has_no_delivery_id(connector):
    assert connector.delivery_id(recorded("completed_by_cron")) is None


# Believing it


@pytest.mark.parametrize(
    "token", [..., None, "", 0, 1.5, True, [], {}, [WEBHOOK_TOKEN], "é", "\ud800", "x" * 4096]
)
def test_a_token_of_any_other_shape_is_turned_away(connector, token):
    with pytest.raises(Unverified):
        connector.verify(changed(recorded("completed_by_cron"), token=token))


@pytest.mark.parametrize("token", [WEBHOOK_TOKEN[:-1], WEBHOOK_TOKEN + " ", WEBHOOK_TOKEN.upper()])
def test_a_token_nearly_right_is_turned_away(connector, token):
    with pytest.raises(Unverified):
        connector.verify(changed(recorded("completed_by_cron"), token=token))


def test_the_web_service_token_is_no_webhook_token(connector):
    with pytest.raises(Unverified):
        connector.verify(changed(recorded("completed_by_cron"), token=SETTINGS["token"]))


@pytest.mark.parametrize("case", FOREIGN, ids=[case.name for case in FOREIGN])
def test_what_other_plugins_send_is_turned_away(connector, case):
    """tool_trigger and logstore_xapi carry no token in their bodies."""
    with pytest.raises(Unverified):
        connector.verify(recorded_request(case)[0])


# Another Moodle with the same secret: a copy of the site


@pytest.mark.parametrize("host", ["staging.example.edu", "localhost", "127.0.0.10", "127.0.0"])
def test_another_host_is_quarantined(connector, host):
    with pytest.raises(Quarantined) as caught:
        connector.parse(changed(recorded("completed_by_cron"), host=host))

    assert host in str(caught.value)
    assert "switch the webhook off there" in caught.value.remedy


@pytest.mark.parametrize(
    "wwwroot",
    [
        "http://127.0.0.1",
        "http://127.0.0.1:8081",
        "https://127.0.0.1:8080",
        "http://127.0.0.1:8080/staging",
    ],
)
def test_another_wwwroot_on_the_same_host_is_quarantined(connector, wwwroot):
    """``host`` has neither port nor path: only the user agent tells these apart."""
    request = from_agent(recorded("completed_by_cron"), f"MoodleBot/4.5 (+{wwwroot})")

    with pytest.raises(Quarantined) as caught:
        connector.parse(request)

    assert wwwroot in str(caught.value)


@pytest.mark.parametrize("agent", [None, "", "curl/8.5", "MoodleBot/4.5", "(+http://x.test)"])
def test_without_moodles_user_agent_the_host_alone_counts(connector, agent):
    request = from_agent(recorded("completed_by_cron"), agent)

    assert [c.learner.id for c in connector.parse(request)] == ["12"]


@pytest.mark.parametrize(
    ("base_url", "wwwroot"),
    [
        ("https://Moodle.Example.edu/", "https://moodle.example.edu"),
        ("https://moodle.example.edu:443", "https://moodle.example.edu"),
        ("https://moodle.example.edu/lms", "https://moodle.example.edu:443/lms/"),
        ("http://moodle.example.edu", "http://MOODLE.example.edu:80"),
    ],
)
def test_case_default_port_and_last_slash_do_not_count(base_url, wwwroot):
    request = changed(recorded("completed_by_cron"), host="Moodle.example.EDU")
    request = from_agent(request, f"MoodleBot/4.5 (+{wwwroot})")

    assert len(moodle(FakeMoodle(), base_url=base_url).parse(request)) == 1


def test_an_unwanted_event_of_another_site_is_just_unwanted(connector):
    request = changed(recorded("completed_by_cron"), eventname="\\x", host="staging.example.edu")

    assert connector.parse(request) == []
