"""Addresses that prove something: a mailed link, a certificate's own page, a session, a form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cached_property

from itsdangerous import BadSignature, Signer

from runtime.keys import Keys

#: Where customers' pages and holders' pages lie below the public address.
PEOPLE = "/my"
HOLDER = "/holder"
#: Base64 decoders pass over what they do not know: only the one spelling we make is read.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,36}\.[A-Za-z0-9_-]{43}")


class Links:
    """Signs ids and reads them back; what an id may still do is the store's to know.

    ``keys`` is asked once, when first needed. Old keys in the file stay good.
    """

    def __init__(self, keys: Callable[[], Keys], *, public_url: str) -> None:
        self._read_keys = keys
        self._public_url = public_url

    def mailed(self, link_id: str) -> str:
        """The address of a mailed link."""
        return f"{self._public_url}{PEOPLE}/link/{self.sign('mailed link', link_id)}"

    def holder(self, uuid: str) -> str:
        """The page from which a certificate's holder, without an account, downloads it."""
        return f"{self._public_url}{HOLDER}/{self.sign('holder', uuid)}"

    @property
    def mine(self) -> str:
        """The page of a customer's certificates, and of the form to sign in."""
        return f"{self._public_url}{PEOPLE}"

    def sign(self, purpose: str, value: str) -> str:
        """A token for ``value`` (letters, digits, ``-``, ``_``), good for one purpose alone."""
        return self._signer(purpose).sign(value).decode()

    def read(self, purpose: str, token: str) -> str | None:
        """The value in a token; None unless we made it for this purpose."""
        if not _TOKEN.fullmatch(token):
            return None
        try:
            return self._signer(purpose).unsign(token).decode()
        except BadSignature:
            return None

    @cached_property
    def _keys(self) -> Keys:
        return self._read_keys()

    def _signer(self, purpose: str) -> Signer:
        return Signer(
            self._keys.signing(f"vault {purpose}"),
            salt=f"vault {purpose}",
            key_derivation="hmac",
            digest_method=hashlib.sha256,
        )
