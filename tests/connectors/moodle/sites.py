"""The one configured site of these tests, and what they ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import httpx

from connectors.base import Certificate, Completion, Course, GradebookRow, Learner
from connectors.moodle.connector import MoodleConnector
from connectors.moodle.settings import MoodleSettingsSchema
from tests.connectors.moodle.fake import TOKEN, FakeMoodle

WEBHOOK_TOKEN = "s3cret-webhook-token"
SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "base_url": "http://127.0.0.1:8080",
        "token": TOKEN,
        "webhook_tokens": [WEBHOOK_TOKEN],
        "assignment_idnumber": "cert-WS101",
        "check_course_id": "2",
        "completions_report_id": "2",
        "customcert_name": "Course certificate",
    }
)
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def moodle(
    server: FakeMoodle | Callable[[httpx.Request], httpx.Response], **settings: Any
) -> MoodleConnector:
    """The connector of one site, talking to a stand-in."""
    handler = server.answer if isinstance(server, FakeMoodle) else server
    return MoodleConnector(
        MoodleSettingsSchema().load({**SETTINGS, **settings}),
        http=httpx.Client(transport=httpx.MockTransport(handler)),
        now=lambda: NOW,
    )


def completion(learner_id: str, course_id: str = "2") -> Completion:
    """A completion as the webhook tells it."""
    return Completion(course=Course(id=course_id), learner=Learner(id=learner_id), noticed_at=NOW)


def row(learner_id: str, course_id: str = "2", *, revision: int = 1) -> GradebookRow:
    """A row with one certificate in it, whose texts want escaping."""
    certificate = Certificate(
        status="Issued",
        reference_id="VEC-IC-20260123456789abc",
        link="https://bridge.example.test/c/t?a=1&b=%2B",
        link_text='Open "it" <now>',
        title="Water Safety & Rescue",
        issue_date=date(2026, 11, 23),
    )
    return GradebookRow(
        course_id=course_id,
        learner_id=learner_id,
        certificates=(certificate,),
        revision=revision,
    )
