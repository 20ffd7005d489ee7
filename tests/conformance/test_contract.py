"""The contract, call by call: only what every Certificate Vault must do, no extension of ours.

Leaves three certificates in a vault that keeps it, and no file that waits for an entry.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.conformance.subject import NOBODYS, Subject
from tests.vault import samples

LISTED = {
    "id",
    "uuid",
    "reference_id",
    "certificate_title",
    "full_name",
    "applicant_email",
    "source",
    "status",
    "issue_date",
    "created_at",
    "updated_at",
}
STATUS = {"value", "label", "color", "icon", "description"}


@pytest.fixture(scope="module")
def uploaded(subject: Subject) -> dict[str, Any]:
    """One certificate, as the answer to its upload shows it."""
    answer = subject.upload(subject.entry("single"), samples.pdf())
    assert 201 == answer.status_code, answer.text
    body: dict[str, Any] = answer.json()
    assert "Vault certificate uploaded successfully" == body["message"]
    data: dict[str, Any] = body["data"]
    return data


def test_an_upload_answers_with_the_certificate(subject: Subject, uploaded: dict[str, Any]) -> None:
    sent = subject.entry("single")

    assert sent == {name: uploaded[name] for name in sent}
    assert uploaded.keys() >= LISTED
    assert {"value": "vault", "label": "Vault"} == uploaded["source"]
    assert STATUS <= uploaded["status"].keys()
    assert str(UUID(uploaded["uuid"])) == uploaded["uuid"]


def test_a_second_one_is_a_duplicate_whatever_the_case_of_its_email(
    subject: Subject, uploaded: dict[str, Any]
) -> None:
    shouted = subject.entry("single", applicant_email=subject.email.upper())
    answer = subject.upload(shouted, samples.pdf())

    assert (422, "A vault certificate with this email, title, and issue date already exists") == (
        answer.status_code,
        answer.json()["message"],
    )


def test_every_missing_field_is_told_at_once(subject: Subject) -> None:
    answer = subject.upload({"issue_date": "June"}, None)
    required = {"certificate_title", "full_name", "applicant_email", "certificate_file"}

    assert 422 == answer.status_code
    assert required | {"issue_date"} == set(answer.json()["errors"])


def test_only_the_kinds_of_files_that_are_named_are_taken(subject: Subject) -> None:
    answer = subject.upload(subject.entry("text"), b"just text")

    assert (422, ["certificate_file"]) == (answer.status_code, list(answer.json()["errors"]))


@pytest.mark.parametrize("path", ["", f"/{NOBODYS}", f"/{NOBODYS}/download"])
def test_a_wrong_token_is_refused(subject: Subject, path: str) -> None:
    answer = subject.call("GET", path, token="wrong")

    assert (401, {"message": "Unauthorized - Invalid API token"}) == (
        answer.status_code,
        answer.json(),
    )


def test_what_is_not_there_is_404(subject: Subject) -> None:
    assert 404 == subject.call("GET", f"/{uuid4()}").status_code


def test_a_certificate_is_viewed_as_it_was_uploaded(
    subject: Subject, uploaded: dict[str, Any]
) -> None:
    viewed = subject.call("GET", f"/{uploaded['uuid']}").json()["data"]

    assert subject.entry("single") == {name: viewed[name] for name in subject.entry("single")}
    assert uploaded["reference_id"] == viewed["reference_id"]


@pytest.mark.parametrize("by", ["applicant_email", "search"])
def test_a_list_is_narrowed_and_has_the_envelope(
    subject: Subject, uploaded: dict[str, Any], by: str
) -> None:
    wanted = {"applicant_email": subject.email, "search": uploaded["reference_id"]}
    listed = subject.call("GET", params={by: wanted[by], "per_page": "1"}).json()

    assert {"data", "links", "meta"} <= listed.keys()
    assert {"first", "last", "prev", "next"} <= listed["links"].keys()
    assert {"current_page", "from", "last_page", "path", "per_page", "to", "total"} <= (
        listed["meta"].keys()
    )
    assert listed["data"][0].keys() >= LISTED
    assert subject.email == listed["data"][0]["applicant_email"]
    assert listed["links"]["prev"] is None


def test_one_that_has_not_failed_cannot_be_retried(
    subject: Subject, uploaded: dict[str, Any]
) -> None:
    assert 400 == subject.call("POST", f"/{uploaded['uuid']}/retry").status_code


def test_a_processed_certificate_is_downloaded_as_a_pdf(
    subject: Subject, uploaded: dict[str, Any]
) -> None:
    path = f"/{uploaded['uuid']}"
    subject.wait(lambda: subject.call("GET", path).json()["data"]["status"]["value"] == "generated")
    answer = subject.call("GET", f"{path}/download")

    assert (200, "application/pdf") == (answer.status_code, answer.headers["Content-Type"])
    assert answer.content.startswith(b"%PDF-")
    assert subject.call("GET", path).json()["data"]["qrcode_path"]


def test_files_that_are_not_there_refuse_the_whole_request(subject: Subject) -> None:
    missing = str(uuid4())
    answer = subject.bulk([subject.entry("never", file_id=missing)])

    assert 422 == answer.status_code
    assert {
        "message": "Some file_ids could not be resolved",
        "errors": [f"Entry 0: file_id {missing} not found"],
    } == answer.json()


def test_a_bulk_upload_becomes_certificates(subject: Subject) -> None:
    titles = ["first of two", "second of two"]
    files = [subject.upload_file(title) for title in titles]
    assert [201, 201] == [file.status_code for file in files]
    assert {"file_id", "file_name", "mime_type", "size"} <= files[0].json()["data"].keys()
    entries = [
        subject.entry(title, file_id=file.json()["data"]["file_id"])
        for title, file in zip(titles, files, strict=True)
    ]
    answer = subject.bulk(entries)

    assert 202 == answer.status_code
    assert (2, "processing") == tuple(answer.json()["data"][n] for n in ("total", "status"))
    assert answer.json()["data"]["batch_id"]
    wanted = {entry["certificate_title"] for entry in entries}
    subject.wait(lambda: wanted <= _titles(subject))


def _titles(subject: Subject) -> set[str]:
    listed = subject.call("GET", params={"applicant_email": subject.email, "per_page": "100"})
    return {one["certificate_title"] for one in listed.json()["data"]}
