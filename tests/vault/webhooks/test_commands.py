"""`certvault webhook`: endpoints are kept, deliveries looked up and sent again."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from runtime.keys import Keys
from tests.vault.webhooks.conftest import Office
from tests.vault.webhooks.receiver import Receiver
from tests.vault.webhooks.standard import verifies
from vault.cli import main
from vault.webhooks.events import Event


@pytest.fixture
def office_by_command(
    office: Office, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Office:
    """An office whose vault the commands find."""
    settings = office.world.vault.settings
    for name, value in {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": redis_url,
        "FILES": str(settings.files),
        "PUBLIC_URL": settings.public_url,
        "KEY_FILE": str(tmp_path / "secret.key"),
        "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
    }.items():
        monkeypatch.setenv(f"VAULT_{name}", value)
    return office


def good(*args: object) -> str:
    result = CliRunner().invoke(main, ["webhook", *map(str, args)])
    assert 0 == result.exit_code, result.output
    return result.stdout


def bad(*args: object) -> str:
    result = CliRunner().invoke(main, ["webhook", *map(str, args)])
    assert isinstance(result.exception, SystemExit), result.exception
    assert 0 != result.exit_code
    return result.output


def test_an_endpoints_life(office_by_command: Office, there: Receiver, tmp_path: Path) -> None:
    office = office_by_command
    there.statuses, there.answer = [500, 204], b"out of order"
    added = good(
        "add", there.url, "--institution", "ABC University", "--event", "created",
        "--description", "the registrar's",
    )  # fmt: skip
    id, secret = added.strip().split("\t")
    assert (f"{id}\tABC University\t{there.url}\tcreated\tactive\tthe registrar's\n") == good(
        "list"
    )

    office.keys = Keys.read(tmp_path / "secret.key")
    office.upload()
    office.send()
    (one,) = there.received
    assert verifies(secret, one.headers, one.body, now=office.now.timestamp())
    assert "\tactive, failing since 2026-01-01T00:00:00Z\t" in good("list")
    uuid = one.headers["webhook-id"]
    head, attempt = good("deliveries", "--endpoint", id, "--state", "waiting").splitlines()
    assert (
        f"{uuid}\t{id}\tcertificate_application.created\twaiting\tagain 2026-01-01T00:00:05Z"
    ) == head
    assert attempt.startswith("  2026-01-01T00:00:00Z\t500\t")
    assert attempt.endswith(" ms\tanswered 500\tout of order")
    assert "" == good("deliveries", "--state", "delivered")
    shown = good("show", uuid).splitlines()
    assert [f"{there.url}\twaiting", one.body.decode(), attempt] == shown

    assert f"Disabled {id}.\n" == good("disable", id, "--reason", "They move.")
    assert ": They move.\t" in good("list")
    assert f"Enable it first: certvault webhook enable {id}" in bad("resend", uuid)
    assert f"Enabled {id}.\n" == good("enable", id)
    assert "Sending 1 again.\n" == good("resend", "--failed-of", id)
    office.catch_up()
    office.send()
    assert "\tdelivered\t\n" in good("deliveries")
    assert "Sending 1 again.\n" == good("resend", uuid)
    office.catch_up()
    office.send()
    assert [uuid] * 3 == [one.headers["webhook-id"] for one in there.received]


def test_an_endpoint_that_moves_is_replaced_and_hears_what_still_waited_for_it(
    office_by_command: Office, there: Receiver, tmp_path: Path
) -> None:
    office, theirs = office_by_command, ("--institution", "ABC University")
    there.statuses = [500, 500, 204]
    described = (*theirs, "--event", "created", "--description", "the bridge's")
    old, _ = good("add", f"{there.url}/old", *described, "--replace").split()
    stray, _ = good("add", f"{there.url}/old", *described).split()
    good("add", there.url, *theirs, "--event", "approved", "--description", "the registrar's")
    office.keys = Keys.read(tmp_path / "secret.key")
    office.upload()
    office.send()
    id, secret = good("add", there.url, *described, "--replace").split()

    assert stray == id, "the newest goes on"
    states = {line.split("\t")[0]: line.split("\t")[4] for line in good("list").splitlines()}
    assert ("active", f"Replaced by {stray}.") == (states[stray], states[old].split(": ")[-1])
    office.now += timedelta(seconds=10)
    office.send()
    assert ["/vault/old", "/vault/old", "/vault"] == [one.path for one in there.received]
    last = there.received[-1]
    assert verifies(secret, last.headers, last.body, now=office.now.timestamp())
    assert "--replace goes by the --description" in bad("add", there.url, *theirs, "--replace")


def test_a_secret_is_exchanged_without_a_gap(
    office_by_command: Office, there: Receiver, tmp_path: Path
) -> None:
    office = office_by_command
    added = good("add", there.url, "--institution", "ABC University", "--event", "created")
    id, old = added.strip().split("\t")
    office.keys = Keys.read(tmp_path / "secret.key")
    new = good("rotate", id).strip()
    office.upload(certificate_title="During")
    office.send()
    good("rotate", id, "--only-new")
    office.upload(certificate_title="After")
    office.send()

    during, after = there.received
    at = office.now.timestamp()
    assert ([True, True], [False, True]) == (
        [verifies(secret, during.headers, during.body, now=at) for secret in (old, new)],
        [verifies(secret, after.headers, after.body, now=at) for secret in (old, new)],
    )
    for secret, one in ((old, during), (new, after)):
        plain = hmac.new(secret.encode(), one.body, hashlib.sha256).hexdigest()
        assert plain == one.headers["x-webhook-signature"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["add", "https://10.0.0.1/", "--institution", "ABC University"], "VAULT_ALLOWED_PRIVATE"),
        (["add", "https://a.example/", "--institution", "Nobody"], "There is no institution"),
        (
            ["add", "https://a.example/", "--institution", "ABC University", "--event", "x"],
            "There is no event 'x'. There are: created,",
        ),
        (["disable", 77], "There is no webhook endpoint 77. See: certvault webhook list"),
        (["enable", 77], "There is no webhook endpoint 77."),
        (["rotate", 77], "There is no webhook endpoint 77."),
        (["deliveries", "--endpoint", 77], "There is no webhook endpoint 77."),
        (["resend", "--failed-of", 77], "There is no webhook endpoint 77."),
        (["resend", "nothing"], "There is no delivery 'nothing'. See: certvault webhook deliv"),
        (["resend"], "Name deliveries, or an endpoint with --failed-of."),
    ],
)
def test_what_cannot_be_done_is_told_with_what_to_do(
    office_by_command: Office, args: list[object], told: str
) -> None:
    assert told in bad(*args)
    assert [] == office_by_command.deliveries()
    assert "" == good("list")


def test_every_event_can_be_asked_for(office_by_command: Office) -> None:
    words = [word for event in Event for word in ("--event", event.short)]
    good("add", "https://abc.example.edu/", "--institution", "ABC University", *words)

    expected = {event.short for event in Event}

    assert expected == set(good("list").split("\t")[3].split(","))
