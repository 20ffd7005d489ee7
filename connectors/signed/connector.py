"""Any system that can send a Standard Webhook with the body of body.schema.json."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.base import Completion, Connector, InboundRequest, Malformed
from connectors.signatures import require_standard_webhook
from connectors.signed import body
from connectors.signed.settings import SignedSettings, SignedSettingsSchema
from connectors.wild import Wild


class SignedConnector(Connector[SignedSettings]):
    """A sender that tells everything in the message itself: no API is ever called."""

    name = "signed"
    settings_schema = SignedSettingsSchema

    def verify(self, request: InboundRequest) -> None:
        """By the signature over id, time and body, at most five minutes off."""
        require_standard_webhook(
            request.headers, request.body, secrets=self.settings.secrets, now=self.now()
        )

    def parse(self, request: InboundRequest) -> Sequence[Completion]:
        """The completion of a ``course.completed``; none for any other type."""
        return body.completions(Wild.load(request.body))

    def delivery_id(self, request: InboundRequest) -> str | None:
        """``webhook-id``: a sender keeps it when it sends again."""
        return request.headers.get("webhook-id")

    def event_name(self, request: InboundRequest) -> str:
        """The message's type."""
        try:
            return body.event_name(Wild.load(request.body))
        except Malformed:
            return "unreadable"
