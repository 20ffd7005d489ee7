"""The log itself: one delivery's whole story by its id, and nothing of a person, whatever fails."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog

from bridge.store import tables
from connectors.base import Permanent, Temporary
from runtime import logging
from tests.bridge.world import SECRET, World
from tests.scripted_vault import TOKEN

NAME, ADDRESS, LEARNER = "Canaryne Quill", "canary.quill@learners.example", "canary-learner"
PASSWORD = "canary-password-of-somebody"
#: What a story goes through, in order; each is an event of the log.
STORY = ["delivery", "normalised", "completion", "sent", "generated", "written_back"]


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """The log of a web process and a worker, as it is written in life."""
    written = StringIO()
    before = structlog.get_config()
    monkeypatch.setattr(sys, "stderr", written)
    logging.configure("bridge", "web")
    structlog.configure(cache_logger_on_first_use=False)
    yield written
    structlog.configure(**before)


def lines(log: StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def canary(world: World, **changes: Any) -> str:
    learner = {"id": LEARNER, "full_name": NAME, "email": ADDRESS}
    return world.complete(LEARNER, learner=learner, **changes)


def test_one_search_tells_a_deliverys_whole_story(world: World, log: StringIO) -> None:
    world.generate("bob")
    mine = canary(world)
    world.run("normalise", "issue")
    world.vault.finish()
    world.later()
    world.run("follow", "write_back")

    found = [json.loads(line) for line in log.getvalue().splitlines() if mine in line]

    assert STORY == [line["event"] for line in found]
    (issuance,) = [row for row in world.rows(tables.issuance) if row.learner_id == LEARNER]
    assert [issuance.id] * 2 == [line["issuance_id"] for line in found[3:5]]
    assert issuance.id in found[5]["issuance_ids"]


def test_each_answer_and_what_was_logged_meanwhile_have_the_same_request_id(
    world: World, log: StringIO
) -> None:
    first, second = world.post(world.body()), world.post(world.body("bob"))
    nothing = world.app.test_client().get("/nothing/here")

    ids = [answer.headers["X-Request-Id"] for answer in (first, second, nothing)]

    assert 3 == len(set(ids))
    assert ids[:2] == [line["request_id"] for line in lines(log) if line["event"] == "delivery"]
    world.run("normalise")
    assert "request_id" not in lines(log)[-1]


def test_a_bulk_upload_names_each_delivery_of_it(world: World, log: StringIO) -> None:
    both = {world.complete("ada"), world.complete("bob")}
    world.run("normalise", "issue")

    (sent,) = [line for line in lines(log) if line["event"] == "sent_in_bulk"]

    assert both == set(sent["delivery_ids"])


class Fault(Exception):
    """A fault of the program, with a person in its text, as such texts have."""


def test_nothing_of_a_person_and_no_secret_reaches_the_log_whatever_fails(
    world: World, log: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"{NAME} <{ADDRESS}> with {TOKEN} and {SECRET}"
    # The whole way.
    canary(world)
    world.run("normalise", "issue")
    world.vault.finish()
    world.later()
    world.run("follow", "write_back")
    link = world.bridge.links.token(world.one(tables.link).id)
    client = world.app.test_client()
    client.get(f"/c/{link}")
    client.get(f"/c/{link}/certificate.pdf")
    # Refused, unreadable, unknown.
    world.post(world.body(LEARNER), headers={"Authorization": f"Bearer {TOKEN}"})
    world.post(f'{{"type": "{ADDRESS}"'.encode())
    client.post(f"/hooks/scripted/{ADDRESS}?token={TOKEN}", data=said)
    client.post("/console/sign-in", data={"email": ADDRESS, "password": PASSWORD})
    # The LMS fails, in its own words; what it sends is not what was agreed.
    for number, trouble in enumerate(
        (Fault(said), KeyError(said), Temporary(said), Permanent(said, remedy=said))
    ):
        world.lms.enriching.append(trouble)
        canary(world, course={"id": f"c-{number}"})
        world.run("normalise")
        world.later(hours=2)
    # The vault refuses, with what it was sent.
    monkeypatch.setattr(world.vault, "do", lambda _taken: 1 / 0)
    canary(world, course={"title": "Another"})
    world.later(days=1)
    world.run("normalise", "issue")

    text = log.getvalue()

    assert {"step_failed", "delivery", "completion"} <= {line["event"] for line in lines(log)}
    for secret in (NAME, "Quill", ADDRESS, LEARNER, PASSWORD, TOKEN, SECRET, link):
        assert [] == [line for line in text.splitlines() if secret in line], secret
