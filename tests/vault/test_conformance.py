"""The conformance suite as others run it: on a served vault, and where none can be tried."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.conformance.preflight import why_not
from tests.conformance.subject import Subject
from tests.ports import free_port
from tests.processes import ROOT
from tests.vault.cli.installation import served
from tests.vault.world import World
from vault.addresses import API
from vault.tokens import Permission

SUITE = "tests/conformance"
URL = f"https://vault.example.edu{API}"


def suite(*options: str, **environment: str) -> tuple[int, str]:
    """Run the whole suite; return its status and what it says."""
    done = subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, SUITE],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout


def test_a_served_vault_keeps_the_contract_and_all_that_stays_there_is_told(tmp_path: Path) -> None:
    port = free_port()
    data = tmp_path / "data"
    with served(data, "--port", str(port)) as line:
        wrong = suite(CONFORMANCE_URL=line["vault"], CONFORMANCE_TOKEN="wrong")
        right = suite(CONFORMANCE_URL=f"{line['vault']}{API}/", CONFORMANCE_TOKEN=line["token"])
        headers = {"Authorization": f"Bearer {line['token']}"}
        listed = httpx.get(line["vault"] + API, headers=headers, trust_env=False).json()["data"]
    with sqlite3.connect(data / "vault.sqlite") as database:
        waiting = database.execute(
            "SELECT count(*) FROM file WHERE unused_until IS NOT NULL"
        ).fetchone()

    assert (4, 1) == (wrong[0], wrong[1].count("does not know the token. Set CONFORMANCE_TOKEN"))
    assert ["nothing"] == left(wrong[1])
    assert " failed" not in wrong[1]
    assert 0 == right[0], right[1]
    titles = sorted(one["certificate_title"] for one in listed)
    assert titles == sorted(re.findall(r"'(Conformance .*?)' of", right[1]))
    assert (3, 3, (0,)) == (len(titles), len(left(right[1])), waiting)
    assert {one["applicant_email"].partition("@")[2] for one in listed} == {"conformance.invalid"}


def test_several_processes_would_not_say_what_stays() -> None:
    status, said = suite("-n", "1", CONFORMANCE_URL="http://127.0.0.1:1", CONFORMANCE_TOKEN="x")

    assert (4, True) == (status, "by one process, which says what stays: omit -n." in said)


def left(said: str) -> list[str]:
    """The lines of the section on what stays."""
    section = said.partition(" left in the vault at ")[2].splitlines()[1:]
    kinds = ("certificate ", "file ", "perhaps", "nothing")
    return [line for line in section if line.startswith(kinds)]


def answering(
    status: int, body: object, **headers: str
) -> Callable[[httpx.Request], httpx.Response]:
    content = body if isinstance(body, str) else json.dumps(body)
    return lambda _: httpx.Response(status, text=content, headers=headers)


def silent(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("The read operation timed out")


def subject(transport: httpx.BaseTransport, token: str = "") -> Subject:
    client = httpx.Client(transport=transport, base_url="https://vault.example.edu")
    return Subject(client=client, token=token, wait=lambda _: None)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            silent,
            (
                f"{URL} does not answer (ReadTimeout: The read operation timed out). "
                "Look at CONFORMANCE_URL, and whether the vault runs."
            ),
        ),
        (
            answering(404, "<html>", **{"Content-Type": "text/html"}),
            (
                f"At {URL} is no Certificate Vault: it answers 404, text/html. "
                f"Set CONFORMANCE_URL to the address before {API}."
            ),
        ),
        (
            answering(200, {"hello": "world"}, **{"Content-Type": "application/json"}),
            (
                f"At {URL} is no Certificate Vault: it answers 200, application/json. "
                f"Set CONFORMANCE_URL to the address before {API}."
            ),
        ),
        (
            answering(301, "", Location="https://www.example.edu/"),
            f"{URL} leads on to https://www.example.edu/. Set CONFORMANCE_URL to what it leads to.",
        ),
        (
            answering(401, {"message": "Unauthorized - Invalid API token"}),
            (
                f"{URL} does not know the token. Set CONFORMANCE_TOKEN to a valid one of a test "
                "institution."
            ),
        ),
        (
            answering(503, "Down for maintenance"),
            f"{URL} answers 503. Try again when the vault is well: Down for maintenance",
        ),
    ],
)
def test_what_cannot_be_tried_is_told_in_one_text(
    answer: Callable[[httpx.Request], httpx.Response], why: str
) -> None:
    tried = subject(httpx.MockTransport(answer))

    assert why == why_not(tried)
    assert [] == [*tried.left.lines()]


@pytest.mark.parametrize("lacking", [["list"], ["create", "download"], ["view", "update"]], ids=str)
def test_every_permission_that_the_token_lacks_is_told(world: World, lacking: list[str]) -> None:
    granted = [one for one in Permission if one.value.rpartition(":")[2] not in lacking]
    token = world.token(world.institution("ABC University"), granted)
    tried = subject(httpx.WSGITransport(app=world.app), token)

    found = re.fullmatch(
        r"The token lacks (.*)\. Set CONFORMANCE_TOKEN to one that .*", why_not(tried)
    )
    assert {f"certificate-vault:{name}" for name in lacking} == set(found[1].split(", "))


def test_a_vault_that_refuses_the_recipient_is_told_how_to_name_another(world: World) -> None:
    token = world.token(world.institution("ABC University"))
    tried = subject(httpx.WSGITransport(app=world.app), token)

    assert why_not(tried) is None
    tried.mailbox = "nobody"
    assert "Set CONFORMANCE_EMAIL to an address of yours" in why_not(tried)
    assert [] == [*tried.left.lines()]


def test_what_a_vault_takes_against_the_contract_is_told_too(world: World) -> None:
    made = {"uuid": "u", "file_id": "f", "batch_id": "b"}
    tried = subject(httpx.MockTransport(answering(200, {"data": made})))
    tried.mailbox = "me@example.edu"
    entry = tried.entry("twice")
    tried.upload(entry, b"no file")
    tried.upload(entry, b"no file")
    tried.upload_file("a")
    tried.client = httpx.Client(transport=httpx.MockTransport(silent), base_url=URL)
    with pytest.raises(httpx.ReadTimeout):
        tried.upload_file("b")

    certificate = f"certificate 'Conformance {tried.run} twice' of me@example.edu, uuid u"
    assert [
        certificate,
        certificate,
        "file certificate1.pdf, waiting as f",
        "perhaps, as no answer came: a file certificate1.pdf",
    ] == [*tried.left.lines()]
