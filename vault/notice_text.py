"""The mails that the vault sends, as text and as HTML, in their reader's language."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from runtime.translations import closest, direction, mark
from vault.store.notices import Kind
from vault.texts import date_words, translate


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a mail tells; which of it, its kind decides."""

    link: str  #: what the mail asks to open
    account: str | None = None  #: the account's e-mail, where another address joins it
    title: str | None = None
    institution: str | None = None
    issue_date: date | None = None
    reference_id: str | None = None
    holder: str | None = None  #: the certificate's page that needs no account
    mine: str | None = None  #: the page to sign in at


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A sentence, and the address it speaks of."""

    text: str
    link: str | None = None
    label: str | None = None


SUBJECTS = {
    Kind.ASSIGNED: mark("A certificate has been added to your account"),
    Kind.INVITATION: mark("Your certificate is ready"),
    Kind.SIGN_IN: mark("Sign in to see your certificates"),
    Kind.ADD_EMAIL: mark("Confirm your e-mail address"),
}
#: Who sends what no institution does.
VAULT = "Certificate Vault"

SIGN_IN = mark("Open this link to sign in. It works once, within 30 minutes.")
ADD_EMAIL = mark(
    "Open this link to add this address to the account of {account}. "
    "It works once, within 30 minutes."
)
ASSIGNED = mark("{institution} has issued a certificate to you. It is in your account now.")
INVITATION = mark("{institution} has issued a certificate to you.")
NO_ACCOUNT = mark("View and download it here. You do not need an account for that.")
CLAIM = mark(
    "If you like, create a free account with this link, and this certificate and those to come "
    "are kept together. The link works once, within 60 days."
)
KEEP_TO_YOURSELF = mark("Whoever has these links can open the certificate: keep them to yourself.")
NOT_ASKED = mark("If you did not ask for this mail, you do not need to do anything.")


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
    message = EmailMessage()
    message["Subject"] = translate(language, SUBJECTS[kind])
    message["From"] = Address(told.institution or VAULT, addr_spec=sender)
    message["To"] = to
    if [found.addr_spec for found in message["To"].addresses] != [to]:
        raise ValueError("the mail address is not one address")
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    # RFC 3834: no holiday notices in answer to this.
    message["Auto-Submitted"] = "auto-generated"
    paragraphs = _paragraphs(kind, told, language)
    message.set_content(_text(paragraphs))
    message.add_alternative(_html(paragraphs, language), subtype="html")
    # Last: making alternatives moves what describes the content into the first of them.
    message["Content-Language"] = closest(language)
    return message


def _paragraphs(kind: Kind, told: Told, language: str) -> Sequence[Paragraph]:
    def say(text: str) -> str:
        # Always with values: the names in a text must not reach anybody unfilled.
        return translate(
            language, text, institution=told.institution or VAULT, account=told.account or ""
        )

    def go(text: str, link: str | None, label: str) -> Paragraph:
        return Paragraph(text=say(text), link=link, label=say(label))

    hello = Paragraph(text=say(mark("Hello,")))
    unasked = Paragraph(text=say(NOT_ASKED))
    facts = Paragraph(text="\n".join(_facts(told, language)))
    secret = Paragraph(text=say(KEEP_TO_YOURSELF))
    bodies = {
        Kind.SIGN_IN: [go(SIGN_IN, told.link, mark("Sign in")), unasked],
        Kind.ADD_EMAIL: [go(ADD_EMAIL, told.link, mark("Confirm this address")), unasked],
        Kind.ASSIGNED: [
            Paragraph(text=say(ASSIGNED)),
            facts,
            go(NO_ACCOUNT, told.holder, mark("View and download")),
            go(mark("All your certificates:"), told.link, mark("My certificates")),
            secret,
        ],
        Kind.INVITATION: [
            Paragraph(text=say(INVITATION)),
            facts,
            go(NO_ACCOUNT, told.holder, mark("View and download")),
            go(CLAIM, told.link, mark("Create a free account")),
            go(mark("After that time, sign in here:"), told.mine, mark("Sign in")),
            secret,
        ],
    }
    return [hello, *bodies[kind]]


def _facts(told: Told, language: str) -> list[str]:
    day = told.issue_date and date_words(language, told.issue_date)
    return [fact for fact in (told.title, told.institution, day, told.reference_id) if fact]


def _text(paragraphs: Sequence[Paragraph]) -> str:
    parts = [f"{each.text}\n{each.link}" if each.link else each.text for each in paragraphs]
    return "\n\n".join(parts) + "\n"


def _html(paragraphs: Sequence[Paragraph], language: str) -> str:
    body = "".join(_html_of(each) for each in paragraphs)
    return (
        f'<!doctype html><html lang="{closest(language)}" dir="{direction(language)}"><body>'
        f'<div style="font:16px/1.5 sans-serif;max-width:36em">{body}</div></body></html>'
    )


def _html_of(each: Paragraph) -> str:
    lines = "<br>".join(f"<bdi>{html.escape(line)}</bdi>" for line in each.text.split("\n"))
    if each.link is None or each.label is None:
        return f"<p>{lines}</p>"
    link = f'<a href="{html.escape(each.link)}">{html.escape(each.label)}</a>'
    return f"<p>{lines}<br>{link}</p>"
