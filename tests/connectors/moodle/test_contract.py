"""Moodle keeps the connector contract."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from connectors.base import InboundRequest
from connectors.moodle.connector import MoodleConnector
from connectors.testing import RestContract
from tests.connectors.moodle.fake import FakeMoodle
from tests.connectors.moodle.sites import SETTINGS, completion, row


class TestMoodle(RestContract):
    connector_class = MoodleConnector
    recordings = Path(__file__).parent / "recordings"
    settings = SETTINGS
    rotated_settings = {
        **SETTINGS,
        "webhook_tokens": ["the-next-webhook-token", *SETTINGS["webhook_tokens"]],
    }
    foreign_settings = {**SETTINGS, "webhook_tokens": ["somebody-elses-token"]}
    no_timestamp = "local_webhooks sends no time but the event's own, which retries do not renew."
    no_signature = "local_webhooks sends a shared secret in the body and signs nothing."
    completions = (completion("10"), completion("3"), completion("10"), completion("19"))
    rows = (row("10"), row("5"), row("7"))

    def signed(self, body: bytes, *, at: datetime) -> InboundRequest:
        headers = {
            "content-type": "application/json",
            "user-agent": "MoodleBot/4.5 (+http://127.0.0.1:8080)",
        }
        return InboundRequest(body=body, headers=headers)

    def server(self) -> FakeMoodle:
        return FakeMoodle()
