"""A mail of the vault: its headers, its text, the same as HTML."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from runtime.translations import closest
from vault import notice_html
from vault.notice_text import VAULT, Told, as_text, paragraphs, subject
from vault.store.notices import Kind


def compose(
    kind: Kind,
    told: Told,
    *,
    message_id: str,
    to: str,
    sender: str,
    language: str,
    now: datetime,
) -> EmailMessage:
    """Return a mail; raises ValueError if ``to`` is no address, or more than one.

    Sent twice by mishap it has the same Message-ID: mail readers show one.
    """
    title, name = subject(kind, language), _one_line(told.institution or VAULT)
    message = EmailMessage()
    message["Subject"] = title
    message["From"] = Address(name, addr_spec=sender)
    message["To"] = to
    if [found.addr_spec for found in message["To"].addresses] != [to]:
        raise ValueError("the mail address is not one address")
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    # RFC 3834: no holiday notices in answer to this.
    message["Auto-Submitted"] = "auto-generated"
    said = paragraphs(kind, told, language)
    message.set_content(as_text(said))
    message.add_alternative(notice_html.page(title, name, said, language), subtype="html")
    # Last: making alternatives moves what describes the content into the first of them.
    message["Content-Language"] = closest(language)
    return message


def _one_line(name: str) -> str:
    """A name as a header takes it; a line's end in it would begin another header."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())
