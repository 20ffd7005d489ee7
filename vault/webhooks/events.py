"""The events an endpoint may want, and the body that tells one.

A body is flat, as the vendor documents it; what is ours beyond that is marked.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from vault.webhooks import WebhookProblem


class UnknownEvent(WebhookProblem):
    """A word that names no event; the text lists those there are."""


class Event(enum.Enum):
    """What happened to a certificate; the value is the word on the wire."""

    CREATED = "certificate_application.created"
    PROCESSING = "certificate_application.processing"
    APPROVED = "certificate_application.approved"
    #: A vault certificate is never rejected: it has no approval step. For endpoints that ask.
    REJECTED = "certificate_application.rejected"
    FAILED = "certificate_application.failed"
    RETRIED = "certificate_application.retried"
    #: An extension of ours.
    REVOKED = "certificate_application.revoked"

    @property
    def short(self) -> str:
        """The word without what all events begin with."""
        return self.value.rpartition(".")[2]


class Trigger(enum.Enum):
    """How a certificate came; told with `Event.CREATED`."""

    SINGLE_UPLOAD = "single_upload"
    BULK_UPLOAD = "bulk_upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The certificate an event is about."""

    id: int
    uuid: str
    reference_id: str
    certificate_title: str
    applicant_email: str


def body(
    event: Event,
    subject: Subject,
    *,
    webhook_id: int,
    now: datetime,
    fields: Mapping[str, str | None],
) -> str:
    """Return the JSON text for one endpoint; ``fields`` are the event's own."""
    told = {
        "event": event.value,
        "webhook_id": webhook_id,
        "timestamp": iso(now),
        "application_id": subject.id,
        "uuid": subject.uuid,
        "certificate_title": subject.certificate_title,
        "applicant_email": subject.applicant_email,
        **fields,
    }
    if event is Event.APPROVED:
        told["reference_id"] = subject.reference_id
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def iso(moment: datetime) -> str:
    """A moment as the API writes it: UTC, microseconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_events(words: Iterable[str]) -> frozenset[Event]:
    """Return the events of these words, with or without their prefix; raises UnknownEvent."""
    known = {event.value: event for event in Event}
    known |= {event.short: event for event in Event}
    try:
        return frozenset(known[word.strip()] for word in words)
    except KeyError as exc:
        names = ", ".join(event.short for event in Event)
        raise UnknownEvent(f"There is no event {exc.args[0]!r}. There are: {names}.") from exc
