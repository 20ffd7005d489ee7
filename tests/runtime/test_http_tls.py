"""The guarded client over TLS: it connects to an address, and checks the name."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runtime.http import Client
from tests.runtime.raw_server import answering, raw_server
from tests.runtime.test_http import DEADLINE, FakeSocket, soon

DAY = timedelta(days=1)


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *, ca: bool
) -> bytes:
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name("Test CA"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A certificate authority's certificate; beside it one it gave to lms.test."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    (tmp_path / "ca.pem").write_bytes(certificate("Test CA", ca_key, ca_key, ca=True))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    own = certificate("lms.test", key, ca_key, ca=False)
    (tmp_path / "server.pem").write_bytes(private + own)
    return tmp_path / "ca.pem"


@pytest.fixture
def tls(authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.with_name("server.pem"))
    return context


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name resolves to this machine."""

    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr("runtime.http.socket", FakeSocket(getaddrinfo))


Trust = Callable[[], None]


@pytest.fixture
def trust(authority: Path, monkeypatch: pytest.MonkeyPatch) -> Trust:
    return lambda: monkeypatch.setenv("SSL_CERT_FILE", str(authority))


@pytest.mark.usefixtures("here")
def test_the_certificate_is_checked_against_the_name_in_the_address(
    tls: ssl.SSLContext, trust: Trust
) -> None:
    trust()
    with (
        raw_server(answering(b"hello"), tls=tls) as server,
        Client(allowed=["lms.test", "other.test"], deadline=timedelta(seconds=10)) as http,
    ):
        assert b"hello" == http.get(server.url(host="lms.test")).content
        with pytest.raises(httpx.ConnectError, match="Hostname mismatch"):
            http.get(server.url(host="other.test"))


@pytest.mark.usefixtures("here")
def test_a_certificate_of_an_unknown_authority_is_refused(tls: ssl.SSLContext) -> None:
    with (
        raw_server(answering(b"hello"), tls=tls) as server,
        Client(allowed=["lms.test"], deadline=timedelta(seconds=10)) as http,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        http.get(server.url(host="lms.test"))


@pytest.mark.usefixtures("here")
def test_connections_are_used_again_and_answers_bounded_under_tls(
    tls: ssl.SSLContext, trust: Trust
) -> None:
    trust()
    with (
        raw_server(answering(b"x" * 3000), tls=tls) as server,
        Client(allowed=["lms.test"], deadline=timedelta(seconds=10), largest=4000) as http,
    ):
        for _ in range(3):
            assert 3000 == len(http.get(server.url(host="lms.test")).content)
        assert 1 == server.connections


@pytest.mark.usefixtures("here")
def test_a_handshake_that_never_ends_is_cut_off() -> None:
    def silent(connection: socket.socket) -> None:
        while connection.recv(4096):
            pass

    with (
        raw_server(silent) as server,
        Client(allowed=["lms.test"], deadline=DEADLINE) as http,
        soon(),
        pytest.raises(httpx.ConnectTimeout),
    ):
        http.get(f"https://lms.test:{server.port}/")
