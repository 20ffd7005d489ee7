"""Handing a mail to a server on a real port: encryption, passwords, and what each answer means."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from runtime import smtp
from tests.mail_server import (
    HANG_UP,
    MailServer,
    certificate_for_this_machine,
    mail_server,
)

TO = "khai@learners.example"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def mail(to: str = TO) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "certificates@example.edu"
    message["To"] = to
    message["Subject"] = "Xin chào"
    message.set_content("Nguyễn Thị Minh Khai\n.\nend\n")
    return message


def deliver(url: str, *, to: str = TO, tls: ssl.SSLContext | None = None) -> None:
    smtp.deliver(mail(to), to=to, server=url, tls=tls or ssl.create_default_context())


def test_a_mail_arrives_as_it_was_written(server: MailServer) -> None:
    deliver(server.url)

    (arrived,) = server.mails

    assert [TO] == server.recipients
    assert "Xin chào" == arrived["Subject"]
    assert "Nguyễn Thị Minh Khai\n.\nend\n" == arrived.get_content()


def test_a_server_is_greeted_and_sent_nothing(server: MailServer) -> None:
    server.extensions.append("AUTH PLAIN")
    url = f"smtp://user:secret@127.0.0.1:{server.port}"
    smtp.greet(server=url, tls=ssl.create_default_context())

    assert ["user:secret"] == server.passwords
    assert [] == server.mails == server.recipients
    server.answers["AUTH"] = "535 no"
    with pytest.raises(smtp.NotNow, match="SMTPAuthenticationError 535"):
        smtp.greet(server=url, tls=ssl.create_default_context())


def test_a_password_may_hold_any_letter(server: MailServer) -> None:
    server.extensions.append("AUTH PLAIN")

    deliver(f"smtp://us%40er:p%3A%2Fw@127.0.0.1:{server.port}")

    assert ["us@er:p:/w"] == server.passwords


def test_encryption_is_used_where_it_is_offered(server: MailServer, tmp_path: Path) -> None:
    server.tls, trusting = certificate_for_this_machine(tmp_path)
    server.extensions = ["STARTTLS", "AUTH PLAIN"]

    deliver(f"smtp://user:secret@127.0.0.1:{server.port}", tls=trusting)

    assert [True] == server.encrypted
    assert ["user:secret"] == server.passwords


def test_a_server_that_cannot_prove_its_name_gets_nothing(
    server: MailServer, tmp_path: Path
) -> None:
    server.tls, _ = certificate_for_this_machine(tmp_path)
    server.extensions = ["STARTTLS", "AUTH PLAIN"]

    with pytest.raises(smtp.NotNow, match="SSLCertVerificationError"):
        deliver(f"smtp://user:secret@127.0.0.1:{server.port}")

    assert ([], []) == (server.passwords, server.raw)


def test_a_password_does_not_leave_the_machine_unencrypted(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [there])
    server.extensions.append("AUTH PLAIN")

    with pytest.raises(smtp.NotNow, match="offers no encryption"):
        deliver(f"smtp://user:secret@mail.example.edu:{server.port}")

    assert "AUTH" not in server.dialogue


@pytest.mark.parametrize(
    ("verb", "answer", "kind", "said"),
    [
        ("RCPT", "550 no such person", smtp.Refused, "SMTPRecipientsRefused 550"),
        ("RCPT", "450 greylisted", smtp.NotNow, "SMTPRecipientsRefused 450"),
        ("MAIL", "550 you may not send", smtp.NotNow, "SMTPSenderRefused 550"),
        ("DATA", "451 not now", smtp.NotNow, "SMTPDataError 451"),
        (".", "554 looks like spam", smtp.Refused, "SMTPDataError 554"),
        (".", "452 disk full", smtp.NotNow, "SMTPDataError 452"),
        ("MAIL", HANG_UP, smtp.NotNow, "SMTPServerDisconnected"),
        ("RCPT", "421 going down", smtp.NotNow, "421"),
    ],
)
def test_each_answer_means_later_or_never(
    server: MailServer, verb: str, answer: str, kind: type[smtp.MailError], said: str
) -> None:
    server.answers[verb] = answer

    with pytest.raises(kind, match=said) as caught:
        deliver(server.url)

    assert kind is type(caught.value)
    assert [] == server.raw


def test_a_wrong_password_can_be_mended(server: MailServer) -> None:
    server.extensions.append("AUTH PLAIN")
    server.answers["AUTH"] = "535 no"

    with pytest.raises(smtp.NotNow, match="SMTPAuthenticationError 535"):
        deliver(f"smtp://user:wrong@127.0.0.1:{server.port}")


def test_an_address_the_server_cannot_write_is_refused_for_good(server: MailServer) -> None:
    server.extensions = ["8BITMIME"]

    with pytest.raises(smtp.Refused, match="SMTPNotSupportedError"):
        deliver(server.url, to="محمد@learners.example")


def test_an_address_in_another_script_is_served_where_the_server_can(server: MailServer) -> None:
    deliver(server.url, to="محمد@learners.example")

    assert ["محمد@learners.example"] == server.recipients


def test_nobody_at_the_port_is_for_later() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        with pytest.raises(smtp.NotNow, match="ConnectionRefusedError"):
            deliver(f"smtp://127.0.0.1:{unheard.getsockname()[1]}")


def test_what_the_server_says_of_a_person_is_not_repeated(server: MailServer) -> None:
    server.answers["RCPT"] = f"550 <{TO}> is unknown here"

    with pytest.raises(smtp.Refused) as caught:
        deliver(server.url)

    assert TO not in str(caught.value)
    assert None is caught.value.__cause__


def test_a_server_that_hangs_up_after_taking_a_mail_has_taken_it(server: MailServer) -> None:
    server.answers["QUIT"] = HANG_UP

    deliver(server.url)

    assert 1 == len(server.raw)
