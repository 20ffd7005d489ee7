"""An institution's own signing key: read from PKCS#12, checked, kept encrypted, found again."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12KeyAndCertificates,
    load_pkcs12,
)

from runtime.database import Database
from runtime.keys import KeyProblem, Keys
from vault.store import signing

#: The curves PDF readers know (ISO 32002, 5.1), and the shortest RSA key still thought safe.
CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
SHORTEST_RSA = 2048
AGAIN = "Give the vault a valid key (certvault institution signing-key), then retry."

log = structlog.get_logger()


class SigningProblem(Exception):
    """A key cannot be taken, or nothing can be signed with it; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key (PKCS#8) and its certificates (X.509), all in DER."""

    key: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)  #: of the certificate's issuers, in any order
    subject: str
    valid_from: datetime
    valid_until: datetime

    def require_valid(self, now: datetime) -> None:
        """Raise SigningProblem unless the certificate is valid at ``now``."""
        if now < self.valid_from:
            raise SigningProblem(
                f"The certificate of the institution's signing key ({self.subject}) is valid only "
                f"from {self.valid_from:%Y-%m-%d %H:%M} UTC. {AGAIN}"
            )
        if now > self.valid_until:
            raise SigningProblem(
                f"The certificate of the institution's signing key ({self.subject}) expired on "
                f"{self.valid_until:%Y-%m-%d}. {AGAIN}"
            )


def read_pkcs12(content: bytes, passphrase: str | None) -> SigningKey:
    """Open a PKCS#12 file (RFC 7292); raises SigningProblem for one that cannot sign PDFs."""
    try:
        opened = load_pkcs12(content, passphrase.encode() if passphrase else None)
    except ValueError as exc:
        raise SigningProblem(
            "The PKCS#12 file cannot be opened: the passphrase is wrong, or it is no such file. "
            "Check both, with: openssl pkcs12 -info -noout -in FILE"
        ) from exc
    key = opened.key
    if key is None or opened.cert is None:
        raise SigningProblem(
            "The PKCS#12 file lacks the private key or its certificate. Export both into one file."
        )
    if not isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey) or not _is_strong(key):
        raise SigningProblem(
            "The PKCS#12 file's key cannot sign PDFs. It must be an elliptic curve key on P-256, "
            f"P-384 or P-521, or an RSA key of at least {SHORTEST_RSA} bits."
        )
    _require_signing_use(opened.cert.certificate)
    return _signing_key(key, opened)


def _is_strong(key: EllipticCurvePrivateKey | RSAPrivateKey) -> bool:
    if isinstance(key, RSAPrivateKey):
        return key.key_size >= SHORTEST_RSA
    return key.curve.name in CURVES


def _require_signing_use(certificate: x509.Certificate) -> None:
    try:
        use = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return  # then any use is permitted (RFC 5280, 4.2.1.3)
    if not (use.digital_signature or use.content_commitment):
        raise SigningProblem(
            "The certificate's key usage does not permit signatures. "
            "Ask its issuer for one with digitalSignature or nonRepudiation."
        )


def _signing_key(
    key: EllipticCurvePrivateKey | RSAPrivateKey, opened: PKCS12KeyAndCertificates
) -> SigningKey:
    own = opened.cert
    if own is None:
        raise TypeError("a key without certificate was let through")
    return SigningKey(
        key=key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        certificate=own.certificate.public_bytes(Encoding.DER),
        chain=tuple(
            other.certificate.public_bytes(Encoding.DER) for other in opened.additional_certs
        ),
        subject=own.certificate.subject.rfc4514_string(),
        valid_from=own.certificate.not_valid_before_utc,
        valid_until=own.certificate.not_valid_after_utc,
    )


def set_key(
    conn: sa.Connection,
    keys: Keys,
    *,
    institution_id: int,
    pkcs12: bytes,
    passphrase: str | None,
    now: datetime,
) -> SigningKey:
    """Let an institution's certificates be signed from now on; it replaces the former key.

    Return the key for its ``subject`` and ``valid_until``; raises SigningProblem for a wrong
    passphrase, an unfit key, an expired certificate.
    """
    found = read_pkcs12(pkcs12, passphrase)
    found.require_valid(now)
    signing.put(
        conn,
        institution_id=institution_id,
        secrets=keys.encrypt(as_json(found), purpose=_purpose(institution_id)),
        subject=found.subject,
        valid_until=found.valid_until,
        now=now,
    )
    return found


class SigningKeys:
    """Finds the institutions' keys; opens each once. Safe to use from many threads.

    ``keys`` reads the key file; it is called only once there is something to decrypt.
    """

    def __init__(self, database: Database, keys: Callable[[], Keys]) -> None:
        self._database = database
        self._keys = keys
        self._opened: dict[int, tuple[str, SigningKey]] = {}
        self._lock = threading.Lock()

    def find(self, institution_id: int) -> SigningKey | None:
        """Return an institution's valid key, or None if it has none; raises SigningProblem."""
        with self._database.read() as conn:
            now = self._database.now(conn)
            row = signing.find(conn, institution_id=institution_id)
        if row is None:
            return None
        with self._lock:
            known, key = self._opened.get(institution_id, ("", None))
            if key is None or known != row.secrets:
                key = self._open(row)
                self._opened[institution_id] = (row.secrets, key)
        key.require_valid(now)
        return key

    def _open(self, row: sa.Row[Any]) -> SigningKey:
        try:
            secrets = self._keys().decrypt(row.secrets, purpose=_purpose(row.institution_id))
        except KeyProblem as exc:
            log.exception("signing_key_not_opened", institution_id=row.institution_id)
            raise SigningProblem(
                "The institution's signing key cannot be decrypted. Ask the vault's operator to "
                "read its log and mend its key file, then retry."
            ) from exc
        return from_json(secrets)


def _purpose(institution_id: int) -> str:
    return f"the signing key of institution {institution_id}"


def as_json(found: SigningKey) -> dict[str, object]:
    """A key in JSON's words, for whoever keeps it encrypted or passes it on."""
    certificates = [found.certificate, *found.chain]
    return {"key": _text(found.key), "certificates": [_text(each) for each in certificates]}


def from_json(secrets: Mapping[str, Any]) -> SigningKey:
    """The key that `as_json` told of."""
    first, *chain = _decoded(secrets["certificates"])
    certificate = x509.load_der_x509_certificate(first)
    return SigningKey(
        key=base64.b64decode(secrets["key"]),
        certificate=first,
        chain=tuple(chain),
        subject=certificate.subject.rfc4514_string(),
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
    )


def _decoded(texts: list[str]) -> Iterator[bytes]:
    return (base64.b64decode(text) for text in texts)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
