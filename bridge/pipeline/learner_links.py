"""Learners' links: how a link's id becomes an address nobody can guess, and comes back from it."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import HMACAlgorithm

from runtime.keys import Keys

#: Where the learner's pages lie below the public address.
PREFIX = "/c"
#: Base64 decoders pass over what they do not know: only the one spelling we make is read.
_LINK = re.compile(r"[A-Za-z0-9_-]{1,32}\.[A-Za-z0-9_-]{24}")
_DOWNLOAD = re.compile(r"[A-Za-z0-9_-]{1,32}\.[0-9]{1,12}\.[A-Za-z0-9_-]{24}")


class Expired(Exception):
    """A download address of ours whose time is over."""


class _ShortHmac(HMACAlgorithm):
    """HMAC-SHA-256 cut to 144 bits (RFC 2104, section 5): a link must fit a gradebook's cell."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[:18]


class LearnerLinks:
    """Addresses for link ids, and link ids for addresses.

    A link's address is good for ever, also after a new key was put before the old ones; whether
    the link was revoked is the store's to know. A download address is good for
    ``download_expires``.
    """

    def __init__(self, keys: Keys, public_url: str, download_expires: timedelta) -> None:
        self._public_url = public_url.rstrip("/")
        self._expires = download_expires
        self._link = _signer(keys, "learner link")
        self._download = _signer(keys, "learner download")

    def url(self, link_id: str) -> str:
        """The address of the learner's page: for gradebooks and mail."""
        return f"{self._public_url}{PREFIX}/{self.token(link_id)}"

    def token(self, link_id: str) -> str:
        """The last part of that address, 47 characters for an id of 22."""
        return self._link.sign(link_id).decode()

    def read(self, token: str) -> str | None:
        """The link id in a token; None unless we made it."""
        return _unsign(self._link, _LINK, token)

    def download_url(self, link_id: str, *, now: datetime) -> str:
        """The file's address that expires. The link itself cannot be learnt from it."""
        return f"{self._public_url}{PREFIX}/file/{self.download_token(link_id, now=now)}"

    def download_token(self, link_id: str, *, now: datetime) -> str:
        """The last part of that address."""
        until = int((now + self._expires).timestamp())
        return self._download.sign(f"{link_id}.{until}").decode()

    def read_download(self, token: str, *, now: datetime) -> str | None:
        """The link id in a download token; None unless we made it. Raises Expired."""
        value = _unsign(self._download, _DOWNLOAD, token)
        if value is None:
            return None
        link_id, _, until = value.partition(".")
        if now >= datetime.fromtimestamp(int(until), tz=UTC):
            raise Expired
        return link_id


def _signer(keys: Keys, purpose: str) -> Signer:
    options: dict[str, Any] = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return Signer(
        keys.signing(purpose),
        salt=f"vaultbridge {purpose}",
        algorithm=_ShortHmac(hashlib.sha256),
        **options,
    )


def _unsign(signer: Signer, spelling: re.Pattern[str], token: str) -> str | None:
    if spelling.fullmatch(token) is None:
        return None
    try:
        return signer.unsign(token).decode()
    except BadSignature:
        return None
