"""Hand one mail to the mail server, and say what an error means: later, or never."""

from __future__ import annotations

import ipaddress
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote, urlsplit

#: For one answer of the server; a mail takes about eight of them.
TIMEOUT_S = 15.0
_PORTS = {"smtps": 465, "smtp": 25}
_PORT_WITH_PASSWORD = 587


class MailError(Exception):
    """A mail did not leave. The text names no person: it may be kept and logged.

    ``code`` is the same for the same cause, e.g. ``smtp_550``.
    """

    def __init__(self, said: str, *, code: str = "smtp") -> None:
        super().__init__(said)
        self.code = code


class NotNow(MailError):
    """It may go better later: no answer, a full disk, a wrong password that can be mended."""


class Refused(MailError):
    """The server will never take this mail for this address."""


def deliver(message: EmailMessage, *, to: str, server: str, tls: ssl.SSLContext) -> None:
    """Send a mail by ``smtp://user:password@host:port`` or ``smtps://…``; raises MailError.

    STARTTLS is used where the server offers it. A password never leaves this machine
    unencrypted, so that taking the offer away gains nobody anything.
    """
    url = urlsplit(server)
    with _classified(), _connected(url, tls) as client:
        _sign_in(client, url, tls)
        client.send_message(message, to_addrs=[to])


def greet(*, server: str, tls: ssl.SSLContext) -> None:
    """Sign in to a mail server as `deliver` does, and send nothing; raises MailError."""
    url = urlsplit(server)
    with _classified(), _connected(url, tls) as client:
        _sign_in(client, url, tls)


def _sign_in(client: smtplib.SMTP, url: SplitResult, tls: ssl.SSLContext) -> None:
    _encrypt(client, url, tls)
    if url.username:
        client.login(unquote(url.username), unquote(url.password or ""))


@contextmanager
def _connected(url: SplitResult, tls: ssl.SSLContext) -> Iterator[smtplib.SMTP]:
    host = url.hostname or "localhost"
    if url.scheme == "smtps":
        port = url.port or _PORTS["smtps"]
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=tls)
    else:
        port = url.port or (_PORT_WITH_PASSWORD if url.username else _PORTS["smtp"])
        client = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    try:
        yield client
        _goodbye(client)
    finally:
        client.close()


def _goodbye(client: smtplib.SMTP) -> None:
    # The mail is taken by now; a server that hangs up first has lost nothing of it.
    try:
        client.quit()
    except OSError:
        return


def _encrypt(client: smtplib.SMTP, url: SplitResult, tls: ssl.SSLContext) -> None:
    if url.scheme == "smtps":
        return
    client.ehlo_or_helo_if_needed()
    if client.has_extn("starttls"):
        client.starttls(context=tls)
    elif url.username and not _is_loopback(url.hostname or ""):
        raise NotNow(
            "The mail server offers no encryption, so the password was not sent. "
            "Use an smtps:// address for the mail server, or leave the password out.",
            code="smtp_unencrypted",
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def _classified() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as exc:
        codes = {code for code, _ in exc.recipients.values()}
        raise _meaning(exc, max(codes), final=min(codes) >= 500) from None
    except smtplib.SMTPDataError as exc:
        raise _meaning(exc, exc.smtp_code, final=exc.smtp_code >= 500) from None
    except smtplib.SMTPNotSupportedError as exc:
        raise _meaning(exc, None, final=True) from None
    except smtplib.SMTPResponseException as exc:
        raise _meaning(exc, exc.smtp_code, final=False) from None
    except OSError as exc:  # what is left of smtplib's, the socket's and TLS's own errors
        raise _meaning(exc, None, final=False) from None


def _meaning(exc: Exception, code: int | None, *, final: bool) -> MailError:
    # The server's own words may repeat the address; the cause is cut off for the same reason.
    said = f" {code}" if code is not None else ""
    kind = Refused if final else NotNow
    return kind(
        f"The mail server did not take the mail ({type(exc).__name__}{said}).",
        code="smtp_unreachable" if code is None else f"smtp_{code}",
    )
