"""Quill keeps the connector contract, against a stand-in that remembers what was written."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
from vaultbridge_quill.connector import QuillConnector

from connectors.base import (
    Certificate,
    Completion,
    Course,
    GradebookRow,
    InboundRequest,
    Learner,
    Problem,
    ReceiptState,
)
from connectors.testing import RestContract

KEY = "the-secret-of-the-tests"
RECORDED = "quill-recorded-secret"
NOTICED = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
PEOPLE = {
    "p-7": {"id": "p-7", "name": "محمد علي", "email": "m.ali@example.org", "language": "ar"},
    "p-8": {"id": "p-8", "name": "Zoë O'Hara", "email": None},
}


class FakeQuill:
    """As much of Quill's API as the connector uses."""

    def __init__(self) -> None:
        self._notes: dict[str, str] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What Quill answers."""
        raw = request.url.raw_path.decode().partition("?")[0]  # "c%2F12" is one part of the path
        path = raw.removeprefix("/api/v1/")
        if path == "me":
            return httpx.Response(200, json={"scopes": ["people:read", "notes:write"]})
        if path == "people":
            asked = request.url.params["id"].split(",")
            return httpx.Response(200, json={"people": [PEOPLE[i] for i in asked if i in PEOPLE]})
        if request.method == "PUT":
            return httpx.Response(200, json=self._store(path, json.loads(request.content)["text"]))
        return httpx.Response(200, json={"text": self._notes.get(path)})

    def _store(self, path: str, text: str) -> Mapping[str, object]:
        if path.split("/")[3] not in PEOPLE:
            return {"stored": False, "reason": "not enrolled"}
        self._notes[path] = text
        return {"stored": True}

    def gradebook(self) -> object:
        """Every note there is."""
        return dict(self._notes)

    def a_person_writes(self, row: GradebookRow, text: str) -> None:
        """A teacher's own note."""
        course = row.course_id.replace("/", "%2F")
        self._notes[f"courses/{course}/people/{row.learner_id}/note"] = text


def row(learner_id: str) -> GradebookRow:
    """What a learner's row must say."""
    certificate = Certificate(
        status="Issued",
        reference_id="VEC-IC-2026-0123456789abc",
        link="https://certs.example.edu/c/x",
        link_text="Certificate",
        title="Food Safety Level 2",
        issue_date=date(2026, 3, 2),
    )
    return GradebookRow(course_id="c/12", learner_id=learner_id, certificates=(certificate,))


def completion(learner_id: str) -> Completion:
    """A completion as `parse` gives it."""
    return Completion(course=Course(id="c-12"), learner=Learner(id=learner_id), noticed_at=NOTICED)


class TestQuill(RestContract):
    connector_class = QuillConnector
    recordings = Path(__file__).parent / "recordings"
    settings = {
        "base_url": "https://quill.example.edu",
        "token": "a-token-of-the-tests",
        "signing_secrets": [KEY, RECORDED],
    }
    rotated_settings = {**settings, "signing_secrets": ["a-new-secret-beside-it", KEY]}
    foreign_settings = {**settings, "signing_secrets": ["somebody-else-s-secret"]}
    completions = [completion("p-7"), completion("p-8"), completion("p-9")]
    rows = [row("p-7"), row("p-8")]

    def signed(self, body: bytes, *, at: datetime) -> InboundRequest:
        stamp = str(int(at.timestamp()))
        signature = hmac.new(KEY.encode(), f"{stamp}.".encode() + body, hashlib.sha256)
        headers = {"x-quill-time": stamp, "x-quill-signature": signature.hexdigest()}
        return InboundRequest(body=body, headers=headers)

    def server(self) -> FakeQuill:
        return FakeQuill()

    def test_whom_quill_does_not_know_is_a_problem_and_stops_nobody_else(self) -> None:
        connector = self.connector(handler=FakeQuill().answer)
        known, without_email, unknown = connector.enrich(self.completions)
        expected = Learner(id="p-7", full_name="محمد علي", email="m.ali@example.org", language="ar")

        assert expected == known.learner  # noqa: S101
        assert Learner(id="p-8", full_name="Zoë O'Hara") == without_email.learner  # noqa: S101
        assert isinstance(unknown, Problem)  # noqa: S101

    def test_a_note_that_quill_refuses_under_status_200_is_refused(self) -> None:
        (receipt,) = self.connector(handler=FakeQuill().answer).write_back([row("p-9")])

        assert receipt.state is ReceiptState.REFUSED  # noqa: S101
