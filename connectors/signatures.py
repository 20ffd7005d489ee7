"""Proof that a request is genuine, compared in constant time, and failing in one way only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets as chance
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from connectors.base import Unverified

#: What the Standard Webhooks libraries allow a clock to be off.
TOLERANCE = timedelta(minutes=5)
_PREFIX = "whsec_"
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def require_token(given: object, *, secrets: Iterable[str]) -> None:
    """Raise Unverified unless ``given`` is a text equal to one of the live secrets."""
    if not isinstance(given, str) or not given:
        raise Unverified("no token")
    _require_match(_as_bytes(given), [secret.encode() for secret in secrets])


def require_recent(given: str | None, *, now: datetime, tolerance: timedelta = TOLERANCE) -> None:
    """Raise Unverified unless ``given`` is whole seconds since 1970, near enough to ``now``."""
    if given is None or not _SECONDS.fullmatch(given):
        raise Unverified("no usable timestamp")
    try:
        sent_at = datetime.fromtimestamp(int(given), tz=UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise Unverified("no usable timestamp") from exc
    if abs(now - sent_at) > tolerance:
        raise Unverified("the timestamp is too old or too new")


def require_standard_webhook(
    headers: Mapping[str, str], body: bytes, *, secrets: Iterable[str], now: datetime
) -> None:
    """Raise Unverified unless the request is signed as Standard Webhooks 1.0.0 describes.

    ``secrets`` are of the form ``whsec_<base64>``, each of them live. Signed is
    ``<webhook-id>.<webhook-timestamp>.<body>``; ``webhook-signature`` may hold several
    signatures, separated by blanks, of which ``v1`` is understood.
    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    sent_as = headers.get("webhook-id", "")
    sent_at = headers.get("webhook-timestamp")
    if not sent_as:
        raise Unverified("no webhook-id")
    require_recent(sent_at, now=now)
    message = _as_bytes(f"{sent_as}.{sent_at}.") + body
    genuine = [_signature(signing_key(secret), message) for secret in secrets]
    for claimed in headers.get("webhook-signature", "").split(" "):
        try:
            return _require_match(_as_bytes(claimed), genuine)
        except Unverified:
            continue
    raise Unverified("no signature matches")


def new_signing_secret() -> str:
    """A new secret for Standard Webhooks."""
    return _PREFIX + base64.b64encode(chance.token_bytes(32)).decode()


def signing_key(secret: str) -> bytes:
    """The 24 to 64 bytes that a ``whsec_`` secret stands for; ValueError if it is none."""
    if not secret.startswith(_PREFIX):
        raise ValueError(f"does not begin with {_PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as exc:
        raise ValueError(f"is no base64 after {_PREFIX}") from exc
    if not 24 <= len(key) <= 64:
        raise ValueError(f"stands for {len(key)} bytes; 24 to 64 are allowed")
    return key


def _signature(key: bytes, message: bytes) -> bytes:
    return b"v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest())


def _as_bytes(given: str) -> bytes:
    # Bytes, because compare_digest raises TypeError on text that is not ASCII; surrogatepass,
    # because JSON can hold half a character, which plain UTF-8 refuses with a ValueError.
    return given.encode("utf-8", "surrogatepass")


def _require_match(given: bytes, genuine: list[bytes]) -> None:
    # Every secret is tried, so that the time taken does not tell which one was near.
    matches = [hmac.compare_digest(secret, given) for secret in genuine]
    if not any(matches):
        raise Unverified("no live secret matches")
