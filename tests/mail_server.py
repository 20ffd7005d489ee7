"""A small mail server on a real port: keeps what it is sent, and answers as a test tells it."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USUAL = {
    "MAIL": "250 sender ok",
    "RCPT": "250 recipient ok",
    "DATA": "354 go on",
    "RSET": "250 reset",
    "NOOP": "250 ok",
    "AUTH": "235 welcome",
    "STARTTLS": "220 go on",
    ".": "250 kept",
    "QUIT": "221 bye",
}
#: As an answer: hang up without one.
HANG_UP = "hang up"


@dataclass(kw_only=True)
class MailServer:
    """What the server answers, and what came."""

    port: int
    answers: dict[str, str] = field(default_factory=lambda: dict(USUAL))
    extensions: list[str] = field(default_factory=lambda: ["SMTPUTF8", "8BITMIME"])
    tls: ssl.SSLContext | None = None
    dialogue: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    #: Called when a mail is kept, before the client hears of it.
    on_kept: Callable[[], None] = lambda: None

    @property
    def mails(self) -> list[EmailMessage]:
        bodies = [raw.replace(b"\r\n", b"\n") for raw in self.raw]
        parsed = [message_from_bytes(body, policy=policy.default) for body in bodies]
        return [each for each in parsed if isinstance(each, EmailMessage)]

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Serve until the block ends."""

    class Handler(_Handler):
        kept: MailServer

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        Handler.kept = MailServer(port=server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Handler.kept
        finally:
            server.shutdown()
            thread.join()


class _Handler(socketserver.StreamRequestHandler):
    kept: MailServer

    def handle(self) -> None:
        self.secure = False
        self.say("220 test")
        while line := self.rfile.readline().decode().strip():
            verb = line.partition(" ")[0].upper()
            self.kept.dialogue.append(verb)
            if verb in ("EHLO", "HELO"):
                self.greet()
                continue
            answer = self.kept.answers.get(verb, "502 what?")
            if answer == HANG_UP:
                return
            if verb == "RCPT" and answer.startswith("2"):
                self.kept.recipients.append(line.partition("<")[2].partition(">")[0])
            self.say(answer)
            if verb == "QUIT":
                return
            self.follow_up(verb, line, answer)

    def follow_up(self, verb: str, line: str, answer: str) -> None:
        if verb == "AUTH" and answer.startswith("2"):
            _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
            self.kept.passwords.append(f"{user}:{password}")
        if verb == "STARTTLS":
            with suppress(ssl.SSLError):  # the client may not like our certificate
                self.encrypt()
        if verb == "DATA" and answer.startswith("3"):
            self.take()

    def greet(self) -> None:
        offered = [] if self.secure else [e for e in self.kept.extensions if e == "STARTTLS"]
        lines = ["test", *offered, *(e for e in self.kept.extensions if e != "STARTTLS")]
        for line in lines[:-1]:
            self.say(f"250-{line}")
        self.say(f"250 {lines[-1]}")

    def encrypt(self) -> None:
        assert self.kept.tls is not None
        self.request = self.kept.tls.wrap_socket(self.request, server_side=True)
        self.rfile.close()
        self.wfile.close()
        self.secure = True
        self.setup()

    def finish(self) -> None:
        super().finish()
        if self.secure:
            self.request.close()  # the server closes the plain socket only

    def take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        answer = self.kept.answers["."]
        if answer.startswith("2"):
            self.kept.raw.append(b"".join(lines))
            self.kept.encrypted.append(self.secure)
            self.kept.on_kept()
        self.say(answer)

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
        self.wfile.flush()


def certificate_for_this_machine(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server at 127.0.0.1, and for a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))
