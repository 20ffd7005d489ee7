"""docs/vault-webhooks.md says what the vault does, and its snippet verifies what it sends."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.vault.webhooks.conftest import Office
from tests.vault.webhooks.receiver import Receiver
from vault.webhooks.deliver import AT_ONCE
from vault.webhooks.events import Event
from vault.webhooks.schedule import JITTER, LONGEST_FAILING, MOST_GIVEN_UP, WAITS
from vault.webhooks.sending import DEADLINE, EXCERPT
from vault.webhooks.signing import new_secret

PAPER = (Path(__file__).parents[3] / "docs" / "vault-webhooks.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The page's one block of this language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAPER, re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_snippet_verifies_what_is_sent_and_nothing_else(
    office: Office, there: Receiver
) -> None:
    names: dict[str, Any] = {}
    exec(compile(block("python"), "vault-webhooks.md", "exec"), names)  # noqa: S102  # our own page
    is_genuine = names["is_genuine"]
    secret = new_secret()
    office.endpoint(there.url, Event.CREATED, secrets=(secret, new_secret()))
    office.upload()
    office.now = datetime.now(UTC)
    office.send()

    (one,) = there.received
    headers = one.headers
    assert is_genuine(secret, headers, one.body)
    assert not is_genuine(new_secret(), headers, one.body)
    assert not is_genuine(secret, headers, one.body.replace(b"john", b"jack"))
    assert not is_genuine(secret, {**headers, "webhook-id": "another"}, one.body)
    for at in (str(int(time.time()) + 400), str(int(time.time()) - 400), "now", "-1"):
        assert not is_genuine(secret, {**headers, "webhook-timestamp": at}, one.body)
    assert not is_genuine(secret, {**headers, "webhook-signature": "v1,a v2, é"}, one.body)


def test_the_body_shown_is_of_the_shape_that_is_sent(office: Office, there: Receiver) -> None:
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.send()
    shown, sent = json.loads(block("json")), there.received[0].json

    assert list(shown) == list(sent)
    assert [type(value) for value in shown.values()] == [type(value) for value in sent.values()]


def test_every_event_and_header_is_described(office: Office, there: Receiver) -> None:
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.send()

    for event in Event:
        assert f"| `{event.value}`" in PAPER
    names = {name for name in there.received[0].headers if "webhook" in name}
    assert {
        name.lower() for name in re.findall(r"^\| `([\w-]*ebhook-[\w-]+)`", PAPER, re.MULTILINE)
    } == names


def test_the_numbers_are_those_of_the_program() -> None:
    assert [0, 5, 300, 1800, 7200, 18000, 36000, 36000] == [w.total_seconds() for w in WAITS]
    for said, number, expected in [
        ("within 15 seconds", DEADLINE.seconds, 15),
        ("these eight attempts", len(WAITS), 8),
        ("a fifth longer", JITTER, 0.2),
        ("first 200 characters", EXCERPT, 200),
        ("at most 8 deliveries", AT_ONCE, 8),
        ("when ten deliveries in a row", MOST_GIVEN_UP, 10),
        ("for five days", LONGEST_FAILING.days, 5),
    ]:
        assert expected == number
        assert said in " ".join(PAPER.split())
