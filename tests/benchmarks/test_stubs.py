"""The vault and the LMS of the benchmarks speak what the bridge speaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import httpx

from benchmarks.stub_lms import StubConnector, StubLms, StubSettingsSchema
from benchmarks.stub_server import Answer, Asked
from benchmarks.stub_vault import StubVault
from bridge.vault_client import Accepted, BulkEntry, BulkTaken, Entry, FileTaken, VaultClient
from connectors.base import Cell, GradebookRow, ReceiptState
from tests.connectors.moodle.sites import row

ENTRY = Entry(
    certificate_title="Diploma",
    full_name="Ada Lovelace",
    applicant_email="ada@example.edu",
    issue_date="2026-11-23",
    details="Ref 01234567",
    content=b"%PDF-1.7 \r\n--not a boundary\r\n",
)


def http(answer: Answer) -> httpx.Client:
    """A client that reaches a stub without a socket."""

    def handle(request: httpx.Request) -> httpx.Response:
        status, text = answer(
            Asked(
                method=request.method,
                path=request.url.raw_path.decode(),
                headers="\r\n".join(f"{name}: {value}" for name, value in request.headers.items()),
                body=request.read(),
            )
        )
        return httpx.Response(status, content=text)

    return httpx.Client(transport=httpx.MockTransport(handle))


def vault() -> VaultClient:
    return VaultClient("http://vault.example", "token", http=http(StubVault().answer))


def test_the_vault_makes_a_single_upload_at_once() -> None:
    client = vault()
    answer = client.upload(ENTRY)

    assert isinstance(answer, Accepted)
    found = client.view(answer.certificate.uuid)
    assert found == answer.certificate
    assert ("generated", "Ada Lovelace", "Ref 01234567") == (
        found.status,
        found.full_name,
        found.details,
    )


def test_the_vault_lists_a_bulk_upload_newest_first() -> None:
    client = vault()
    files = [client.upload_file(b"%PDF") for _ in range(150)]
    entries = [
        BulkEntry(
            certificate_title="Diploma",
            full_name=f"Learner {number}",
            applicant_email=f"{number}@example.edu",
            issue_date="2026-11-23",
            details="",
            file_id=file.file_id,
        )
        for number, file in enumerate(files)
        if isinstance(file, FileTaken)
    ]
    taken = client.bulk(entries)

    assert isinstance(taken, BulkTaken)
    first, more = client.page(1)
    last, none = client.page(2)
    assert (True, False) == (more, none)
    assert [f"Learner {n}" for n in reversed(range(150))] == [c.full_name for c in first + last]
    assert {taken.batch_id} == {c.batch_id for c in first}


def test_the_lms_shows_what_was_written() -> None:
    settings = StubSettingsSchema().load(
        {"base_url": "http://lms.example", "secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]}
    )
    connector = StubConnector(
        settings, http=http(StubLms().answer), now=lambda: datetime(2026, 11, 23, tzinfo=UTC)
    )
    rows: list[GradebookRow] = [replace(row(str(n)), learner_id=str(n)) for n in range(250)]
    receipts = connector.write_back(rows)

    assert [ReceiptState.WRITTEN] * 250 == [receipt.state for receipt in receipts]
    assert [*(Cell(text=one.as_html()) for one in rows), Cell(text=None)] == [
        *connector.read_back([*rows, row("nobody")])
    ]
