"""How one message leaves: by mail, into a folder where there is no mail server, or to a chat.

A chat's webhook takes ``{"text": …}``, as those of Slack, Mattermost and Teams do (Slack's
documentation, "Sending messages using incoming webhooks").
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import httpx
import sqlalchemy as sa

from bridge.addresses import is_chat
from bridge.pipeline.bridge import Bridge
from bridge.settings import Settings
from bridge.store import notices
from runtime import post
from runtime.http import AddressRefused, Client
from runtime.keys import KeyProblem
from runtime.smtp import MailError
from runtime.smtp import NotNow as MailNotNow

DEADLINE = timedelta(seconds=20)
#: Of mails that are only files.
NO_SENDER = "vaultbridge@localhost.localdomain"
#: Of an answer to a message nothing is read but its status.
LARGEST_ANSWER = 64 * 1024
#: Statuses that say "not now" (RFC 9110, RFC 6585).
LATER = frozenset({408, 425, 429})


class NotNow(Exception):
    """It may go better later. The text names no address."""


class Refused(Exception):
    """It will never go this way. The text names no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message to one address."""

    id: str
    address: str = field(repr=False)
    subject: str
    text: str
    at: datetime


def outgoing(bridge: Bridge, row: sa.Row[Any]) -> Outgoing:
    """A notice's message; raises Refused."""
    try:
        address = notices.address_of(row, keys=bridge.keys)
    except KeyProblem as exc:
        raise Refused(f"Its address cannot be read: {exc}") from exc
    return Outgoing(
        id=row.id, address=address, subject=row.subject, text=row.text, at=row.created_at
    )


def send(bridge: Bridge, message: Outgoing) -> None:
    """Send a message; raises NotNow or Refused."""
    if is_chat(message.address):
        _to_chat(bridge, message)
    else:
        _by_mail(bridge, message)


def forget_files(settings: Settings, ids: Iterable[str]) -> None:
    """Delete the files of messages, if there are any."""
    for row_id in ids:
        (settings.mail_folder / f"{row_id}.eml").unlink(missing_ok=True)


def _by_mail(bridge: Bridge, message: Outgoing) -> None:
    settings = bridge.settings
    leave = post.into_folder(settings.mail_folder)
    if settings.mail_server is not None:
        leave = post.by_smtp(settings.mail_server)
    try:
        leave(_mail(settings.mail_from or NO_SENDER, message), message.address)
    except MailNotNow as exc:
        raise NotNow(str(exc)) from exc
    except MailError as exc:
        raise Refused(str(exc)) from exc


def _mail(sender: str, said: Outgoing) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = f"[Vaultbridge] {said.subject}"
    message["From"] = Address("Vaultbridge", addr_spec=sender)
    message["To"] = Address(addr_spec=said.address)
    message["Date"] = format_datetime(said.at)
    # The same each time: a mail that is sent twice is shown once.
    message["Message-ID"] = f"<{said.id}@{sender.rpartition('@')[2]}>"
    # RFC 3834: no holiday notices in answer to this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(said.text)
    return message


def _to_chat(bridge: Bridge, message: Outgoing) -> None:
    allowed = bridge.settings.allowed_private_hosts
    said = {"text": f"*{message.subject}*\n{message.text}"}
    try:
        with Client(allowed=allowed, deadline=DEADLINE, largest=LARGEST_ANSWER) as http:
            status = http.post(message.address, json=said).status_code
    except AddressRefused as exc:
        raise Refused(
            "The chat's address is inside a private network. If it is meant, add its host to "
            "BRIDGE_ALLOWED_PRIVATE_HOSTS."
        ) from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:  # their texts may name the address
        raise NotNow(f"The chat did not answer ({type(exc).__name__}).") from None
    if status in LATER or status >= 500:
        raise NotNow(f"The chat answered {status}.")
    if not 200 <= status < 300:
        raise Refused(
            f"The chat answered {status}: it does not take messages at this address. Make a new "
            "webhook there, and enter it with --owner."
        )
