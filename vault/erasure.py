"""What stays when a holder's data is erased: salted hashes of the holder and of the file.

A hash names nobody. Whoever holds the salt can still try names and addresses one by one, so that it
counts as personal data under another name; it is what proves a certificate without keeping it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import unicodedata
from dataclasses import dataclass

from vault.certificate import fold_email

SALT_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What is left of a holder and of the verified file."""

    salt: str
    holder: str
    file: str | None  #: None if there was no verified file


def trace(*, full_name: str, email: str, verified_sha256: str | None) -> Trace:
    """Return what is kept in place of the data, under a salt of its own."""
    salt = secrets.token_hex(SALT_BYTES)
    return Trace(
        salt=salt,
        holder=holder_hash(salt, full_name=full_name, email=email),
        file=file_hash(salt, verified_sha256) if verified_sha256 else None,
    )


def holder_hash(salt: str, *, full_name: str, email: str) -> str:
    """The hash of a holder: name as printed but for spelling in Unicode, e-mail without case."""
    return _hash(salt, unicodedata.normalize("NFC", full_name.strip()), fold_email(email))


def file_hash(salt: str, sha256: str) -> str:
    """The hash of a verified file whose SHA-256 this is."""
    return _hash(salt, sha256)


def _hash(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
