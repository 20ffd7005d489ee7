"""Real workers: what a killed one was sending is sent again, under the same id."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runtime.bell import Bell
from runtime.keys import Keys
from tests.polling import eventually
from tests.processes import program
from tests.vault.webhooks.conftest import Office
from tests.vault.webhooks.receiver import Receiver
from tests.vault.world import upload
from vault.bells import DELIVER
from vault.webhooks.events import Event


@pytest.fixture
def each_running(
    each_office: Office, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Office:
    """An office by the machine's clock, whose vault's processes can be started."""
    office = each_office
    key_file = tmp_path / "secret.key"
    office.keys = Keys.read_or_create(key_file)
    office.now = datetime.now(UTC)
    settings = office.world.vault.settings
    for name, value in {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": redis_url,
        "FILES": str(settings.files),
        "PUBLIC_URL": settings.public_url,
        "KEY_FILE": str(key_file),
        "ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
        "WEBHOOK_TIME_SCALE": "0.02",
        "CLOCK_SECONDS": "0.1",
    }.items():
        monkeypatch.setenv(f"VAULT_{name}", value)
    return office


def test_what_a_killed_worker_was_sending_is_sent_again(
    each_running: Office, there: Receiver, redis_url: str, tmp_path: Path
) -> None:
    office = each_running
    there.open.clear()  # it has come, and is not answered
    office.endpoint(there.url, Event.CREATED)
    office.upload()
    office.now = datetime.now(UTC)
    with program("vault.cli", "worker", "deliver", log=tmp_path / "log") as worker:
        Bell(redis_url, service="vault").ring(DELIVER)
        eventually(lambda: there.received)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    there.open.set()
    office.send()
    assert 1 == len(there.received)  # its lease still holds

    office.now += timedelta(minutes=2)
    office.send()
    first, second = there.received
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert ["delivered"] == [one.state for one in office.deliveries()]
    assert [None, 204] == [one.status for one in office.attempts()]


def test_an_upload_is_told_by_the_processes_alone(
    each_running: Office, there: Receiver, tmp_path: Path
) -> None:
    office = each_running
    there.statuses = [500, 503, 204]
    office.endpoint(there.url)
    assert 201 == upload(office.api).status_code
    with (
        program("vault.cli", "clock", log=tmp_path / "clock"),
        program("vault.cli", "worker", "process", log=tmp_path / "process"),
        program("vault.cli", "worker", "deliver", log=tmp_path / "deliver"),
    ):
        eventually(lambda: ["delivered"] * 3 == [one.state for one in office.deliveries()])

    assert 5 == len(there.received)
    assert {"created", "processing", "approved"} == set(there.events())
    logs = "".join(path.read_text() for path in (tmp_path / "deliver", tmp_path / "clock"))
    assert "webhook_sent" in logs
    for secret in ("whsec_", "john@example.com", there.url):
        assert secret not in logs
