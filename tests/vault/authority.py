"""A certificate authority for tests, and institutions' keys from it as PKCS#12."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

PASSPHRASE = "correct horse"
YEAR = timedelta(days=365)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A key, its certificate, and the certificates of those who vouch for it, root last."""

    key: Key
    certificate: x509.Certificate
    above: tuple[x509.Certificate, ...]


@cache
def root() -> Holder:
    """The authority that readers trust."""
    return issued("Trusted Root", by=None, authority=True)


@cache
def intermediate() -> Holder:
    """What the root has issued, and institutions' certificates come from."""
    return issued("Intermediate", by=root(), authority=True)


@cache
def institution() -> Holder:
    """ABC University's own, on P-256."""
    return issued("ABC University", by=intermediate())


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Made once a run: it takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def issued(
    name: str,
    *,
    by: Holder | None,
    key: Key | None = None,
    authority: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
    may_sign: bool = True,
) -> Holder:
    """A certificate by ``by``, or by itself; valid from yesterday for a year unless said."""
    now = datetime.now(UTC)
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since or now - timedelta(days=1))
        .not_valid_after(until or now + YEAR)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(_use(authority=authority, may_sign=may_sign), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    signing = by.key if by else key
    digest = None if isinstance(signing, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    above = (by.certificate, *by.above) if by else ()
    return Holder(key=key, certificate=builder.sign(signing, digest), above=above)


def as_pkcs12(holder: Holder, passphrase: str | None = PASSPHRASE) -> bytes:
    """The holder's file, with the certificates above but the root's."""
    # Few rounds: the tests open many.
    protection = (
        PrivateFormat.PKCS12.encryption_builder().kdf_rounds(100).build(passphrase.encode())
        if passphrase
        else NoEncryption()
    )
    return pkcs12.serialize_key_and_certificates(
        b"signing", holder.key, holder.certificate, list(holder.above[:-1]) or None, protection
    )


def pem(holder: Holder) -> bytes:
    """The certificate as trust lists want it."""
    return holder.certificate.public_bytes(Encoding.PEM)


def _name(of: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, of)])


def _use(*, authority: bool, may_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=may_sign and not authority,
        content_commitment=may_sign and not authority,
        key_encipherment=not may_sign,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )
