"""200 completions, six webhooks broken in six ways: found, exactly those, and mended."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from runtime.embedded import resolve
from tests.acceptance.installation import Installation
from tests.polling import eventually

LEARNERS = 200
SITE = "moodle-main"
#: All of it takes a minute on a quiet machine.
WITHIN = 300
#: The campus makes a gradebook of 200 for each look, on the machine where all of it runs.
LOOK_S = 1.0
#: When the six completed: not today, so that a date made up by mending would show.
TRUE = (datetime.now(UTC) - timedelta(days=3)).replace(microsecond=0)
DUBAI = ZoneInfo("Asia/Dubai")
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@contextmanager
def receiver(answer: bytes | None) -> Iterator[tuple[str, threading.Event, threading.Event]]:
    """Stand where the bridge should: answer so, or not at all until told to let go."""
    heard, let_go = threading.Event(), threading.Event()

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            heard.set()
            if answer is None:
                let_go.wait(WITHIN)
            else:
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hooks/moodle/{SITE}", heard, let_go
        let_go.set()
        thread.join()


def complete(installation: Installation, course: int, learner: int, **at: int) -> str | None:
    """Complete the course; what Moodle logs of the webhook, None if it sent none."""
    fired = installation.control("complete", course=course, learner=learner, **at)
    status: str | None = fired["status"]
    return status


def blocked(installation: Installation, act: Callable[[], str | None]) -> str | None:
    installation.control("switch", curl_security=True)
    status = act()
    installation.control("switch", curl_security=False)
    return status


def answered_500(installation: Installation, act: Callable[[], str | None]) -> str | None:
    with receiver(BROKEN) as (url, _, _):
        installation.control("hook", url=url)
        return act()


def hung(installation: Installation, act: Callable[[], str | None]) -> str | None:
    """The learner's click waits for as long as the receiver keeps silent."""
    with receiver(None) as (url, heard, let_go), ThreadPoolExecutor(1) as pool:
        installation.control("hook", url=url)
        click = pool.submit(act)
        assert heard.wait(WITHIN)
        assert not click.done()
        let_go.set()
        return click.result()


def never_sent(installation: Installation, act: Callable[[], str | None]) -> str | None:
    installation.control("hook", off=True)
    return act()


def wrong_secret(installation: Installation, act: Callable[[], str | None]) -> str | None:
    installation.control("hook", token="mistyped-webhook-token")
    return act()


def half_a_body(installation: Installation, act: Callable[[], str | None]) -> str | None:
    installation.control("hook", cut=True)
    return act()


NOT_SENT = "Error sending request"
#: Each way, and what Moodle's log says of it.
WAYS: Mapping[Callable[..., str | None], str | None] = {
    blocked: NOT_SENT,
    answered_500: "500 Internal Server Error",
    hung: NOT_SENT,
    never_sent: None,
    wrong_secret: "401 Unauthorized",
    half_a_body: NOT_SENT,
}


def email_of(number: int) -> str:
    return f"learner{number}@students.example.test"


def class_of(installation: Installation) -> tuple[int, list[int]]:
    """A course with a place for certificates, and 200 learners in it."""
    course = installation.control("course", fullname="Reconciled", shortname="REC1")
    place = ("site", "courses", SITE, "--course", str(course), "--create")
    installation.run("vaultbridge", *place)
    learners = [
        installation.control(
            "enrol",
            course=course,
            firstname=f"Learner {number}",
            lastname="Rivers",
            email=email_of(number),
        )
        for number in range(LEARNERS)
    ]
    return course, learners


def lose(
    installation: Installation, course: int, learner: int, way: Callable[..., str | None]
) -> bool:
    """Complete while the webhook is broken so; whether Moodle says of it what it should."""
    at = int(TRUE.timestamp())
    status = way(installation, lambda: complete(installation, course, learner, at=at))
    installation.control("hook")
    return WAYS[way] == status


def told(installation: Installation, course: int) -> dict[int, str]:
    """What stands in the gradebook's cells for certificates, of those who have something there."""
    cells = {
        row["id"]: cell["feedback"]
        for row in installation.learners(course)
        for cell in row["items"]
        if cell["idnumber"] == "vaultbridge"
    }
    return {learner: text for learner, text in cells.items() if text}


def until_told(installation: Installation, course: int, count: int) -> None:
    eventually(lambda: len(told(installation, course)) == count, within=WITHIN, every=LOOK_S)


def reconcile(installation: Installation, *options: str) -> dict[str, Any]:
    """What the command tells; its status is 1 while a difference needs somebody."""
    command = ("vaultbridge", "reconcile", "--site", SITE, "--since", "30d", *options, "--json")
    done = subprocess.run(  # noqa: S603  # our own
        resolve(command),
        env=installation.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN,
    )
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def missing(found: Mapping[str, Any], course: int) -> dict[int, dict[str, Any]]:
    """The completions of a course that nobody told us, by learner."""
    return {
        int(row["learner_id"]): row
        for row in found["differences"]
        if row["course_id"] == str(course) and row["cause"] in ("never_told", "turned_away")
    }


def test_six_webhooks_broken_in_six_ways_are_found_exactly_and_mended(
    installation: Installation,
) -> None:
    installation.control("report", days=31)
    installation.run("vaultbridge", "site", "set", SITE, "--set", "completions_report_id=2")
    month_ago = (TRUE - timedelta(days=30)).date().isoformat()
    installation.run("vaultbridge", "site", "set", SITE, "--issue-from", month_ago)
    course, learners = class_of(installation)
    lost = dict(zip(learners[10::30], WAYS, strict=False))
    assert len(WAYS) == len(lost)

    for learner in learners:
        if learner in lost:
            assert lose(installation, course, learner, lost[learner])
        else:
            assert "202 Accepted" == complete(installation, course, learner)
    until_told(installation, course, LEARNERS - len(lost))

    found = reconcile(installation)
    assert found["looked_at"]["lms"] >= LEARNERS
    assert [] == found["not_compared"]
    assert set(lost) == set(missing(found, course))
    for row in missing(found, course).values():
        assert TRUE == datetime.fromisoformat(row["at"])
        assert f"vaultbridge reconcile --site {SITE} --fix" == row["command"]
    assert not set(lost) & set(told(installation, course)), "finding out issues nothing"

    assert len(lost) <= sum(reconcile(installation, "--fix")["mended"].values())
    until_told(installation, course, LEARNERS)
    day = TRUE.astimezone(DUBAI).date().isoformat()
    for learner in lost:
        [certificate] = installation.vault(applicant_email=email_of(learners.index(learner)))
        assert day == certificate["issue_date"]
        assert certificate["reference_id"] in told(installation, course)[learner]
        assert 1 == installation.gradebook(course, learner)["mails"]
    assert {} == missing(reconcile(installation), course)
