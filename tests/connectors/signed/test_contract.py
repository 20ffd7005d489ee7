"""The connector for signed webhooks keeps the connector contract."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from pathlib import Path

from connectors.base import InboundRequest
from connectors.signed.connector import SignedConnector
from connectors.testing import ConnectorContract

KEY = b"twenty-four bytes or more"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
#: The recordings' own; their signatures were made with openssl.
RECORDED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FOREIGN = "whsec_" + base64.b64encode(b"somebody else's long secret").decode()


class TestSigned(ConnectorContract):
    connector_class = SignedConnector
    recordings = Path(__file__).parent / "recordings"
    settings = {"secrets": [SECRET, RECORDED]}
    rotated_settings = {"secrets": [FOREIGN, SECRET]}
    foreign_settings = {"secrets": [FOREIGN]}

    def signed(self, body: bytes, *, at: datetime) -> InboundRequest:
        stamp = str(int(at.timestamp()))
        signature = hmac.new(KEY, b"msg_1." + stamp.encode() + b"." + body, hashlib.sha256)
        return InboundRequest(
            body=body,
            headers={
                "webhook-id": "msg_1",
                "webhook-timestamp": stamp,
                "webhook-signature": "v1," + base64.b64encode(signature.digest()).decode(),
            },
        )
