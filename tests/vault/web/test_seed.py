"""Every command of the vendor's documentation, run as it stands against a real server."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.vault import samples
from tests.vault.web import seed
from tests.vault.world import World

Run = Callable[..., tuple[int, Any]]


def by_curl(command: str, folder: Path) -> tuple[int, str]:
    """Run a command by a shell and curl; return status and body."""
    asked = f"{command.strip()} --silent --max-time 30 --write-out '\\n%{{http_code}}'"
    done = subprocess.run(["sh", "-c", asked], cwd=folder, capture_output=True, check=True)  # noqa: S603, S607
    body, _, status = done.stdout.decode().rpartition("\n")
    return int(status), body


def by_reading(command: str, folder: Path) -> tuple[int, str]:
    """Read a command as curl reads it and send what it says; return status and body."""
    words = iter(shlex.split(command.replace("\\\n", " "))[1:])
    method, url, output = "GET", "", None
    headers, parts = {}, []
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-F":
            name, _, value = next(words).partition("=")
            path = Path(value[1:])
            part = (path.name, path.read_bytes()) if value.startswith("@") else (None, value)
            parts.append((name, part))
        elif word == "--output":
            output = folder / next(words)
        else:
            url = word
    answer = httpx.request(method, url, headers=headers, files=parts or None, timeout=30)
    if output is not None:
        output.write_bytes(answer.content)
    return answer.status_code, "" if output else answer.text


@pytest.fixture(params=["curl", "reading"])
def run(request: pytest.FixtureRequest, world: World, served: int, tmp_path: Path) -> Run:
    """Runs a command with this vault's host and token and this folder's files put in."""
    if request.param == "curl" and shutil.which("curl") is None:
        pytest.skip("curl is not installed; the same commands are read and sent without it")
    how = {"curl": by_curl, "reading": by_reading}[request.param]
    token = world.token(world.institution("ABC University", "admin@abcuniversity.edu"))

    def run(command: str, **ids: str) -> tuple[int, Any]:
        for theirs, ours in {
            seed.HOST: f"http://127.0.0.1:{served}",
            seed.TOKEN: token,
            seed.FOLDER: f"{tmp_path}/",
            **{getattr(seed, name.upper()): value for name, value in ids.items()},
        }.items():
            command = command.replace(theirs, ours)
        status, body = how(command, tmp_path)
        return status, json.loads(body) if body else None

    for name in ("certificate.pdf", "certificate1.pdf"):
        (tmp_path / name).write_bytes(samples.pdf(name))
    return run


def test_every_command_answers_as_the_documentation_shows(
    world: World, run: Run, tmp_path: Path
) -> None:
    status, uploaded = run(seed.UPLOAD)
    data = uploaded["data"]
    uuid = data["uuid"]

    assert (201, "Vault certificate uploaded successfully") == (status, uploaded["message"])
    assert {
        "certificate_title": "Certificate of Achievement",
        "full_name": "John Smith",
        "applicant_email": "john@example.com",
        "source": {"value": "vault", "label": "Vault"},
        "status": {
            "value": "processing",
            "label": "Processing",
            "color": "warning",
            "icon": "heroicon-o-arrow-path",
            "description": "Certificate is being processed",
        },
        "issue_date": "2025-06-01",
        "institution_name": "ABC University",
        "institution_email": "admin@abcuniversity.edu",
    }.items() <= data.items()
    assert run(seed.UPLOAD) == (
        422,
        {"message": "A vault certificate with this email, title, and issue date already exists"},
    )

    assert (200, [uuid]) == _listed(run(seed.LIST))
    assert (200, []) == _listed(run(seed.LIST_BY_STATUS))
    assert (200, [uuid]) == _listed(run(seed.LIST_BY_EMAIL))
    assert (200, [uuid]) == _listed(run(seed.SEARCH))
    assert (200, {"data": data}) == run(seed.VIEW, certificate=uuid)
    assert 400 == run(seed.RETRY, certificate=uuid)[0]

    run(seed.DOWNLOAD, certificate=uuid)
    waiting = json.loads((tmp_path / "certificate.pdf").read_text())
    assert {
        "message": "Verified PDF not found. The certificate may still be processing."
    } == waiting
    world.process()
    run(seed.DOWNLOAD, certificate=uuid)
    assert (tmp_path / "certificate.pdf").read_bytes().startswith(b"%PDF-")

    world.set(uuid, status="failed")
    assert (200, [uuid]) == _listed(run(seed.LIST_BY_STATUS))
    status, retried = run(seed.RETRY, certificate=uuid)
    assert (200, "Vault certificate retry initiated") == (status, retried["message"])
    assert "processing" == retried["data"]["status"]["value"]


def test_the_two_steps_of_a_bulk_upload_answer_as_shown(run: Run, tmp_path: Path) -> None:
    (status, first), (_, second) = run(seed.UPLOAD_FILE), run(seed.UPLOAD_FILE)
    ids = {
        "first_file": first["data"]["file_id"],
        "second_file": second["data"]["file_id"],
    }

    assert (201, "File uploaded successfully") == (status, first["message"])
    assert {
        "file_name": "certificate1.pdf",
        "mime_type": "application/pdf",
        "size": (tmp_path / "certificate1.pdf").stat().st_size,
    }.items() <= first["data"].items()

    status, answer = run(seed.BULK, **ids)
    assert 202 == status
    assert {
        "message": "Bulk vault upload queued for processing",
        "data": {
            "batch_id": answer["data"]["batch_id"],
            "total": 2,
            "status": "processing",
        },
    } == answer
    _, listed = run(seed.LIST)
    assert [
        ("Jane Doe", answer["data"]["batch_id"]),
        ("John Smith", answer["data"]["batch_id"]),
    ] == [(one["full_name"], one["batch_id"]) for one in listed["data"]]


def _listed(answer: tuple[int, Any]) -> tuple[int, list[str]]:
    status, body = answer
    return status, [one["uuid"] for one in body["data"]]
