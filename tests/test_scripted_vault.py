"""The scripted vault keeps to the contract: what the bridge's tests stand on."""

from __future__ import annotations

import gc
import socket
import threading
import warnings
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.polling import eventually
from tests.scripted_vault import (
    BASE,
    DUPLICATE,
    PERMISSIONS,
    TOKEN,
    UNRESOLVED,
    ScriptedVault,
    answers,
    cut,
    late,
    lost_reply,
)

DAY = "2026-11-23"
PDF = b"%PDF-1.7"


@pytest.fixture
def vault() -> Iterator[ScriptedVault]:
    vault = ScriptedVault()
    yield vault
    vault.stop()


@pytest.fixture
def client(vault: ScriptedVault) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"}
    with httpx.Client(base_url=vault.url + BASE, headers=headers) as client:
        yield client


def test_a_caller_that_dies_while_sending_leaves_no_file_open(
    vault: ScriptedVault, caplog: pytest.LogCaptureFixture
) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n%PDF'
    head = f"POST {BASE}/upload-file HTTP/1.1\r\nHost: vault\r\nContent-Length: 100000\r\n"
    kind = "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    before = threading.active_count()
    with warnings.catch_warnings(record=True) as left_open:
        warnings.simplefilter("always", ResourceWarning)
        with socket.create_connection(("127.0.0.1", vault.port)) as caller:
            caller.sendall(f"{head}{kind}".encode() + body)
        eventually(lambda: "ClientDisconnected" in caplog.text)
        eventually(lambda: threading.active_count() == before)
        gc.collect()

    assert [] == left_open


def fields(who: str, **changes: Any) -> dict[str, Any]:
    """An entry without its file."""
    told = {
        "certificate_title": "Marine Biology",
        "full_name": f"{who.title()} Lovelace",
        "applicant_email": f"{who}@learners.example",
        "issue_date": DAY,
    }
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


def file_id(client: httpx.Client, content: bytes = PDF) -> str:
    answer = client.post("/upload-file", files={"file": ("a.pdf", content, "application/pdf")})
    uuid: str = answer.json()["data"]["file_id"]
    return uuid


def entry(client: httpx.Client, who: str, **changes: Any) -> dict[str, Any]:
    """An entry whose file is uploaded."""
    return fields(who, **{"file_id": file_id(client), **changes})


def bulk(client: httpx.Client, *entries: dict[str, Any]) -> httpx.Response:
    parts = {
        f"entries[{n}][{name}]": (None, value)
        for n, one in enumerate(entries)
        for name, value in one.items()
    }
    return client.post("/bulk", files=parts)


def upload(client: httpx.Client, who: str) -> httpx.Response:
    return client.post("/", data=fields(who), files={"certificate_file": ("a.pdf", PDF)})


def learners(vault: ScriptedVault) -> list[str]:
    """Whose certificates there are, each as often as it was made."""
    return sorted(email.split("@")[0] for email, _, _ in vault.created.elements())


def listed(client: httpx.Client, **query: str) -> list[str]:
    return sorted(
        item["applicant_email"].split("@")[0]
        for item in client.get("/", params=query).json()["data"]
    )


def test_a_file_is_taken_ahead(client: httpx.Client) -> None:
    answer = client.post("/upload-file", files={"file": ("ada.pdf", PDF, "application/pdf")})
    found = answer.json()["data"]["file_id"]

    assert 201 == answer.status_code
    assert {
        "message": "File uploaded successfully",
        "data": {
            "file_id": str(UUID(found)),
            "file_name": "ada.pdf",
            "mime_type": "application/pdf",
            "size": 8,
        },
    } == answer.json()


@pytest.mark.parametrize("way", ["multipart", "json"])
def test_a_hundred_entries_become_certificates(
    vault: ScriptedVault, client: httpx.Client, way: str
) -> None:
    entries = [entry(client, f"learner-{n:03}", details="Ref 0a") for n in range(100)]
    if way == "multipart":
        answer = bulk(client, *entries)
    else:
        answer = client.post("/bulk", json={"entries": entries})

    assert 202 == answer.status_code
    assert {
        "message": "Bulk vault upload queued for processing",
        "data": {
            "batch_id": answer.json()["data"]["batch_id"],
            "total": 100,
            "status": "processing",
        },
    } == answer.json()
    assert [f"learner-{n:03}" for n in range(100)] == learners(vault)
    assert {("Ref 0a", PDF, "processing")} == {
        (kept.details, kept.content, kept.status) for kept in vault.kept.values()
    }


def test_every_field_that_lacks_is_told_and_nothing_is_made(
    vault: ScriptedVault, client: httpx.Client
) -> None:
    entries = [entry(client, "ada"), entry(client, "bob", full_name=None), fields("eve")]
    answer = bulk(client, *entries)

    assert 422 == answer.status_code
    assert {
        "entries.1.full_name": ["The full name field is required."],
        "entries.2.file_id": ["The file id field is required."],
    } == answer.json()["errors"]
    assert [] == learners(vault)


def test_files_that_are_unknown_used_expired_or_named_twice_are_told_in_a_list(
    vault: ScriptedVault, client: httpx.Client
) -> None:
    used, expired, unknown = entry(client, "ada"), file_id(client), str(uuid4())
    bulk(client, used)
    vault.expire_files()
    twice = file_id(client)
    files = [unknown, used["file_id"], expired, twice, twice]
    answer = bulk(client, *(fields(f"eve-{n}", file_id=one) for n, one in enumerate(files)))

    assert 422 == answer.status_code
    assert {
        "message": UNRESOLVED,
        "errors": [f"Entry {n}: file_id {one} not found" for n, one in enumerate(files)],
    } == answer.json()
    assert ["ada"] == learners(vault)


@pytest.mark.parametrize(
    ("names", "errors"), [(False, {}), (True, {"errors": {"entries.1": [DUPLICATE]}})]
)
def test_a_duplicate_refuses_the_whole_and_leaves_the_files_unused(
    vault: ScriptedVault, client: httpx.Client, names: bool, errors: dict[str, Any]
) -> None:
    vault.names_duplicates = names
    upload(client, "ada")
    bob, ada = entry(client, "bob"), entry(client, "ada")
    answer = bulk(client, bob, ada)

    assert (422, {"message": DUPLICATE, **errors}) == (answer.status_code, answer.json())
    assert 422 == bulk(client, bob, {**bob, "file_id": ada["file_id"]}).status_code
    assert 202 == bulk(client, bob).status_code
    assert ["ada", "bob"] == learners(vault)


def test_a_vault_that_does_not_check_bulk_loses_the_bad_without_a_word(
    vault: ScriptedVault, client: httpx.Client
) -> None:
    vault.checks_bulk = False
    upload(client, "ada")
    answer = bulk(
        client,
        entry(client, "ada"),
        entry(client, "bob", full_name=None),
        fields("cyd", file_id=str(uuid4())),
        entry(client, "dan"),
        entry(client, "dan"),
    )

    assert (202, 5) == (answer.status_code, answer.json()["data"]["total"])
    assert ["ada", "dan"] == learners(vault)


def test_chosen_entries_are_lost_in_bulk_and_taken_singly(
    vault: ScriptedVault, client: httpx.Client
) -> None:
    vault.drops = {"bob@learners.example"}

    assert 202 == bulk(client, *(entry(client, who) for who in ("ada", "bob"))).status_code
    assert ["ada"] == learners(vault)
    assert 201 == upload(client, "bob").status_code
    assert ["ada", "bob"] == learners(vault)


def test_a_batch_may_appear_later(vault: ScriptedVault, client: httpx.Client) -> None:
    vault.appears_at_once = False
    bulk(client, entry(client, "ada"), entry(client, "bob"))
    upload(client, "bob")

    assert ["bob"] == listed(client)
    vault.appear()
    assert ["ada", "bob"] == listed(client) == listed(client, status="processing")
    vault.finish()
    assert ["ada", "bob"] == listed(client, status="generated")


@pytest.mark.parametrize(("shows", "filtered"), [(True, ["bob"]), (False, ["ada", "bob", "cyd"])])
def test_the_list_tells_batches_only_where_they_are_shown(
    vault: ScriptedVault, client: httpx.Client, shows: bool, filtered: list[str]
) -> None:
    vault.shows_batch = shows
    upload(client, "ada")
    batches = [
        bulk(client, entry(client, who)).json()["data"]["batch_id"] for who in ("bob", "cyd")
    ]
    items = client.get("/").json()["data"]

    assert filtered == listed(client, batch_id=batches[0])
    assert ({None, *batches} if shows else set()) == {
        item["batch_id"] for item in items if "batch_id" in item
    }


def test_a_reply_may_be_lost_a_call_cut_and_a_call_be_late(
    vault: ScriptedVault, client: httpx.Client
) -> None:
    for behaviour, who in ((lost_reply, "ada"), (cut, "bob"), (late, "cyd")):
        ready = entry(client, who)
        vault.then("bulk", behaviour)
        with pytest.raises(httpx.HTTPError):
            bulk(client, ready)

    assert ["ada"] == learners(vault)
    vault.catch_up()
    assert ["ada", "cyd"] == learners(vault)


@pytest.mark.parametrize(
    ("atomic", "made"), [(True, ["ada"]), (False, ["ada", "ada"])], ids=["atomic", "not atomic"]
)
def test_a_late_upload_is_doubled_only_where_the_check_is_not_atomic(
    vault: ScriptedVault, client: httpx.Client, atomic: bool, made: list[str]
) -> None:
    vault.atomic = atomic
    vault.then("upload", late)
    with pytest.raises(httpx.HTTPError):
        upload(client, "ada")
    upload(client, "ada")
    vault.catch_up()

    assert made == learners(vault)


@pytest.mark.parametrize("call", ["upload-file", "bulk"])
def test_a_call_may_be_answered_as_a_test_says(
    vault: ScriptedVault, client: httpx.Client, call: str
) -> None:
    vault.then(call.replace("-", "_"), answers(429, headers={"Retry-After": "7"}), answers(500))
    said = [client.post(f"/{call}") for _ in range(3)]

    assert [429, 500, 422] == [answer.status_code for answer in said]
    assert "7" == said[0].headers["Retry-After"]


@pytest.mark.parametrize("call", ["upload-file", "bulk"])
def test_whoever_may_not_create_may_not_upload_in_bulk(
    vault: ScriptedVault, client: httpx.Client, call: str
) -> None:
    vault.tokens[TOKEN] = PERMISSIONS - {"certificate-vault:create"}
    answer = client.post(f"/{call}")

    assert (403, "certificate-vault:create") == (
        answer.status_code,
        answer.json()["required_permission"],
    )
