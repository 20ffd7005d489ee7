"""Standard Webhooks as its receivers verify it, written from the specification and not from ours.

github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Verifying".
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping


def verifies(secret: str, headers: Mapping[str, str], body: bytes, *, now: float) -> bool:
    """Whether one of the signatures is by the secret, and its time is within five minutes."""
    identity, at = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(now - int(at)) > 300:
        return False
    mac = hmac.new(b64decode(secret[len("whsec_") :]), digestmod=hashlib.sha256)
    for part in (identity.encode(), b".", at.encode(), b".", body):
        mac.update(part)
    genuine = b64encode(mac.digest())
    return any(
        version == "v1" and hmac.compare_digest(genuine, signature.encode())
        for version, _, signature in (
            one.partition(",") for one in headers["webhook-signature"].split(" ")
        )
    )
