"""How a delivery is signed: the vendor's headers, and those of Standard Webhooks.

One secret text serves both. `X-Webhook-Signature` is keyed with the text as it stands;
`webhook-signature` with the bytes that the part after ``whsec_`` stands for
(github.com/standard-webhooks/standard-webhooks, spec "Signature scheme").
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from vault.webhooks.events import iso

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """A fresh signing secret, as a receiver is given it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def headers(
    body: bytes,
    *,
    secrets: Sequence[str],
    event: str,
    webhook_id: int,
    delivery_id: str,
    now: datetime,
) -> dict[str, str]:
    """Return the headers of one attempt; ``now`` is when it is sent.

    The first secret signs `X-Webhook-Signature`, which holds one; all sign `webhook-signature`.
    """
    at = str(int(now.timestamp()))
    return {
        "Content-Type": "application/json",
        "X-Webhook-Signature": hmac.digest(secrets[0].encode(), body, hashlib.sha256).hex(),
        "X-Webhook-Event": event,
        "X-Webhook-ID": str(webhook_id),
        "X-Webhook-Timestamp": iso(now),
        "webhook-id": delivery_id,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(_standard(s, delivery_id, at, body) for s in secrets),
    }


def _standard(secret: str, delivery_id: str, at: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{delivery_id}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
