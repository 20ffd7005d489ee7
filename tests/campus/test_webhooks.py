"""The webhook is the recorded one, byte for byte, header for header, and is sent only once."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from campus import webhooks
from campus.completion import Fired, NotPossible, complete, unlock
from campus.moodle import Moodle, Settings
from campus.people import populate
from tests.campus.conftest import CAPTURES, NOW_S

RECORDED = (
    "local_webhooks-3.0.5-cron",
    "local_webhooks-3.0.5-web",
    "local_webhooks-3.0.5-form-content-type",
    "local_webhooks-duplicate-after-unlock-cron",
)


def recorded_body(name: str) -> bytes:
    return (CAPTURES / "requests" / f"{name}.body.raw").read_bytes()


@pytest.fixture
def settings() -> Settings:
    return Settings(
        wwwroot="http://127.0.0.1:8080",
        ws_token="WSTOKEN",
        hook_token="s3cret-webhook-token",
        hook_extra="certbridge",
    )


@contextmanager
def receiver(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Listen as a bridge would; keep each request's bytes exactly, answer all the same."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        thread = threading.Thread(target=_receive, args=(listening, answer, received))
        thread.start()
        yield f"http://127.0.0.1:{port}/hook/moodle/campus", received
        with socket.create_connection(("127.0.0.1", port)) as last:
            last.sendall(b"END\r\n\r\n")
        thread.join()


def _receive(listening: socket.socket, answer: bytes, received: list[bytes]) -> None:
    while True:
        connection, _ = listening.accept()
        with connection:
            content = b""
            while b"\r\n\r\n" not in content or len(content) < _length(content):
                content += connection.recv(65536)
            if content.startswith(b"END"):
                return
            received.append(content)
            connection.sendall(answer)


def _length(content: bytes) -> int:
    head, _, _ = content.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            return len(head) + 4 + int(line.split(b":")[1])
    return len(head) + 4


ACCEPTED = b"HTTP/1.1 202 ACCEPTED\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BROKEN = b"HTTP/1.1 500 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("name", RECORDED)
def test_the_body_is_the_recorded_one_byte_for_byte(name: str, settings: Settings) -> None:
    told = json.loads(recorded_body(name))

    body = webhooks.body(
        settings,
        objectid=int(told["objectid"]),
        userid=int(told["userid"]),
        course=int(told["courseid"]),
        learner=int(told["relateduserid"]),
        at=told["timecreated"],
    )

    assert recorded_body(name) == body


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("local_webhooks-3.0.5-web", "application/json"),
        ("local_webhooks-3.0.5-form-content-type", "application/x-www-form-urlencoded"),
    ],
)
def test_the_headers_are_the_recorded_ones_in_their_order(
    name: str, content_type: str, moodle: Moodle
) -> None:
    recorded = json.loads((CAPTURES / "requests" / f"{name}.request.json").read_text())
    with receiver(ACCEPTED) as (url, received):
        moodle.settings = replace(moodle.settings, hook_url=url, hook_content_type=content_type)
        webhooks.send(moodle, recorded_body(name))

    head, _, body = received[0].partition(b"\r\n\r\n")
    host = url.removeprefix("http://").partition("/")[0]
    expected = {**recorded["headers"], "Host": host}
    assert [
        "POST /hook/moodle/campus HTTP/1.1",
        *(f"{key}: {value}" for key, value in expected.items()),
    ] == head.decode().split("\r\n")
    assert recorded_body(name) == body


@pytest.fixture
def hooked(moodle: Moodle) -> Moodle:
    populate(moodle.state)
    return moodle


def send_to(moodle: Moodle, url: str) -> None:
    moodle.settings = replace(moodle.settings, hook_url=url)


def log_of(moodle: Moodle) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in moodle.state.rows(
            "select at, objectid, course, person, userid, status from hook_log order by id"
        )
    ]


def test_a_learners_own_click_names_the_learner_as_the_one_who_acted(hooked: Moodle) -> None:
    with receiver(ACCEPTED) as (url, received):
        send_to(hooked, url)
        fired = complete(hooked, 2, 7)

    body = json.loads(received[0].partition(b"\r\n\r\n")[2])
    assert Fired(objectid=1, status="202 ACCEPTED") == fired
    assert ("7", "7", NOW_S) == (body["userid"], body["relateduserid"], body["timecreated"])
    assert [(NOW_S, 1, 2, 7, 7, "202 ACCEPTED")] == log_of(hooked)


def test_a_second_click_fires_nothing(hooked: Moodle) -> None:
    with receiver(ACCEPTED) as (url, received):
        send_to(hooked, url)
        complete(hooked, 2, 7)

        assert complete(hooked, 2, 7) is None
    assert 1 == len(received)


def test_a_refused_delivery_is_logged_and_not_sent_again(hooked: Moodle) -> None:
    with receiver(BROKEN) as (url, received):
        send_to(hooked, url)
        complete(hooked, 2, 7)

    assert 1 == len(received)
    assert [(NOW_S, 1, 2, 7, 7, "500 X")] == log_of(hooked)


def test_a_receiver_that_is_not_there_is_logged(hooked: Moodle) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    send_to(hooked, f"http://127.0.0.1:{port}/hook")

    fired = complete(hooked, 2, 7)

    assert Fired(objectid=1, status="Error sending request") == fired


def test_moodles_default_curl_security_lets_nothing_out_to_a_private_address(
    hooked: Moodle,
) -> None:
    with receiver(ACCEPTED) as (url, received):
        send_to(hooked, url)
        hooked.switches.curl_security = True
        complete(hooked, 2, 7)

    assert ([], [(NOW_S, 1, 2, 7, 7, "Error sending request")]) == (received, log_of(hooked))


def test_unlocking_sends_everyone_again_with_new_ids_and_the_old_times(hooked: Moodle) -> None:
    with receiver(ACCEPTED) as (url, received):
        send_to(hooked, url)
        complete(hooked, 2, 7, at=NOW_S - 500)
        complete(hooked, 2, 9, at=NOW_S - 400)
        unlock(hooked, 2)

    told = [json.loads(one.partition(b"\r\n\r\n")[2]) for one in received]
    assert [
        ("1", "7", "7"),
        ("2", "9", "9"),
        ("3", "2", "7"),
        ("4", "2", "9"),
    ] == [(one["objectid"], one["userid"], one["relateduserid"]) for one in told]
    times = hooked.state.rows("select completed from completion order by id")
    assert [NOW_S - 500, NOW_S - 400] == [row["completed"] for row in times]


@pytest.mark.parametrize(
    ("course", "learner", "problem"),
    [
        (99, 7, "There is no course 99. See the list of courses."),
        (6, 7, "Course 6 has no completion criteria. Choose one that can be completed."),
        (2, 99, "Learner 99 is not enrolled in course 2. Choose one from its list."),
        (2, 29, "Learner 29 is not enrolled in course 2. Choose one from its list."),
    ],
)
def test_what_cannot_be_completed_says_why(
    course: int, learner: int, problem: str, hooked: Moodle
) -> None:
    with pytest.raises(NotPossible) as raised:
        complete(hooked, course, learner)

    assert problem == str(raised.value)


@contextmanager
def one_try(hooked: Moodle) -> Iterator[list[bytes]]:
    """A receiver that hears whatever comes in one connection, even a part of a request."""
    heard: list[bytes] = []

    def listen() -> None:
        connection, _ = listening.accept()
        with connection:
            while part := connection.recv(65536):
                heard.append(part)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=listen)
        thread.start()
        send_to(hooked, f"http://127.0.0.1:{listening.getsockname()[1]}/hook")
        yield heard
        thread.join()


def test_a_sender_that_dies_leaves_half_a_body(hooked: Moodle) -> None:
    hooked.switches.hook_cut = True
    with one_try(hooked) as heard:
        fired = complete(hooked, 2, 7)

    head, _, body = b"".join(heard).partition(b"\r\n\r\n")
    assert Fired(objectid=1, status="Error sending request") == fired
    assert len(body) == (_length(head + b"\r\n\r\n") - len(head) - 4) // 2


def test_a_mistyped_secret_stands_in_the_body(hooked: Moodle) -> None:
    hooked.switches.hook_token = "mistyped"
    with receiver(ACCEPTED) as (url, received):
        send_to(hooked, url)
        complete(hooked, 2, 7)

    assert "mistyped" == json.loads(received[0].partition(b"\r\n\r\n")[2])["token"]


def test_a_webhook_can_go_astray_or_not_at_all(hooked: Moodle) -> None:
    with receiver(ACCEPTED) as (url, received), receiver(BROKEN) as (broken, astray):
        send_to(hooked, url)
        hooked.switches.hook_url = broken
        first = complete(hooked, 2, 7)
        hooked.switches.hook_url, hooked.switches.hook_off = None, True
        second = complete(hooked, 2, 9)

    assert [Fired(objectid=1, status="500 X"), Fired(objectid=2, status=None)] == [first, second]
    assert (0, 1) == (len(received), len(astray))
