"""Quill as a connector: its webhook read, people looked up, notes written into its gradebook."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from connectors.base import (
    Cell,
    Completion,
    Connector,
    ConnectorError,
    Course,
    Finding,
    GradebookRow,
    InboundRequest,
    Learner,
    Malformed,
    Problem,
    Receipt,
    ReceiptState,
)
from connectors.rest import call
from connectors.signatures import require_recent, require_token
from connectors.wild import Wild
from vaultbridge_quill.settings import QuillSettings, QuillSettingsSchema

FINISHED = "course.finished"
SCOPES = ("people:read", "notes:write")


class QuillConnector(Connector[QuillSettings]):
    """Quill 3 with its webhooks and its API v1."""

    name = "quill"
    settings_schema = QuillSettingsSchema

    # A webhook comes in

    def verify(self, request: InboundRequest) -> None:
        """By the HMAC over time and body, in hex; at most five minutes off."""
        sent_at = request.headers.get("x-quill-time")
        require_recent(sent_at, now=self.now())
        signed = f"{sent_at}.".encode() + request.body
        genuine = [
            hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
            for secret in self.settings.signing_secrets
        ]
        require_token(request.headers.get("x-quill-signature"), secrets=genuine)

    def delivery_id(self, request: InboundRequest) -> str | None:
        """Quill's id of the event: the same when it sends again."""
        try:
            return Wild.load(request.body)["id"].text()
        except Malformed:
            return None

    def event_name(self, request: InboundRequest) -> str:
        """Quill's name of the event."""
        try:
            return Wild.load(request.body)["event"].text()[:200]
        except Malformed:
            return "unreadable"

    def parse(self, request: InboundRequest) -> Sequence[Completion]:
        """The completion in a ``course.finished``; none for any other event."""
        message = Wild.load(request.body)
        if message["event"].text() != FINISHED:
            return []
        course, finished = message["course"], message.get("finished_at")
        return [
            Completion(
                course=Course(id=course["id"].text(), title=course["name"].text()),
                learner=Learner(id=message["person"]["id"].text()),
                noticed_at=message["sent_at"].iso_time(),
                completed_at=finished.iso_time() if finished else None,
            )
        ]

    # What only the API knows

    def enrich(self, batch: Sequence[Completion]) -> Sequence[Completion | Problem]:
        """Names and e-mail addresses, in one call for the whole batch."""
        if not batch:
            return []
        ids = sorted({completion.learner.id for completion in batch})
        answer = self._call("GET", "people", params={"id": ",".join(ids)})
        people = {person["id"].text(): person for person in answer["people"].items()}
        return [_enriched(completion, people) for completion in batch]

    # The gradebook

    def write_back(self, batch: Sequence[GradebookRow]) -> Sequence[Receipt]:
        """One note for each learner and course; a teacher's own is left alone."""
        return [self._write(row) for row in batch]

    def read_back(self, batch: Sequence[GradebookRow]) -> Sequence[Cell | None]:
        """The notes as they stand."""
        return [self._read(row) for row in batch]

    def check(self) -> Iterator[Finding]:
        """Whether the token is taken, and has each scope."""
        try:
            having = {scope.text() for scope in self._call("GET", "me")["scopes"].items()}
        except ConnectorError as exc:
            remedy = getattr(exc, "remedy", "Look whether Quill is up, then check again.")
            yield Finding(name="the API answers", ok=False, problem=str(exc), remedy=remedy)
            return
        yield Finding(name="the API answers", ok=True)
        for scope in SCOPES:
            yield Finding(
                name=f"scope {scope}",
                ok=scope in having,
                problem=f"The token lacks {scope}.",
                remedy="In Quill: Settings → API → this token → Scopes.",
            )

    def _read(self, row: GradebookRow) -> Cell:
        note = self._call("GET", _note(row)).get("text")
        return Cell(text=None if note is None else note.text())

    def _write(self, row: GradebookRow) -> Receipt:
        if not row.may_replace(self._read(row).text):
            return Receipt(state=ReceiptState.OVERRIDDEN)
        text = row.as_text()
        answer = self._call("PUT", _note(row), json={"text": text})
        if answer["stored"].boolean():
            return Receipt(state=ReceiptState.WRITTEN, text=text)
        # Quill answers 200 for this, too.
        return Receipt(
            state=ReceiptState.REFUSED,
            problem=f"Quill did not store the note: {answer['reason'].text()}.",
            remedy="Enrol the learner in the course again, then replay this id.",
            code="not_stored",
        )

    def _call(self, method: str, path: str, **options: Any) -> Wild:
        return call(
            self.http,
            self.now,
            method,
            f"{self.settings.base_url}/api/v1/{path}",
            headers={"Authorization": f"Bearer {self.settings.token}"},
            **options,
        )


def _note(row: GradebookRow) -> str:
    course, person = quote(row.course_id, safe=""), quote(row.learner_id, safe="")
    return f"courses/{course}/people/{person}/note"


def _enriched(completion: Completion, people: dict[str, Wild]) -> Completion | Problem:
    person = people.get(completion.learner.id)
    if person is None:
        return Problem(
            problem=f"Quill knows no person {completion.learner.id}.",
            remedy="Restore the account in Quill.",
            code="person_unknown",
        )
    email, language = person.get("email"), person.get("language")
    learner = Learner(
        id=completion.learner.id,
        full_name=person["name"].text(),
        email=email.text() if email else None,
        language=language.text() if language else None,
    )
    return dataclasses.replace(completion, learner=learner)
