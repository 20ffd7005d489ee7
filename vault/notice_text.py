"""What the mails of the vault say, in their reader's language; `vault.notice_mail` makes them."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from runtime.translations import mark
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


class Weight(enum.Enum):
    """How much a paragraph matters, where a mail has more than text."""

    PLAIN = "plain"
    MAIN = "main"  #: what most readers came for: its link is a button
    FACTS = "facts"  #: lines about the certificate, its title first
    SMALL = "small"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A sentence, and the address it speaks of."""

    text: str
    weight: Weight = Weight.PLAIN
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
ONLY_YOUR_OWN = mark(
    "Confirm this only if that account is your own: whoever signs in there sees all "
    "certificates that were issued to this address."
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


def subject(kind: Kind, language: str) -> str:
    """What a mail is about, in a few words that name nobody."""
    return translate(language, SUBJECTS[kind])


def paragraphs(kind: Kind, told: Told, language: str) -> Sequence[Paragraph]:
    """What a mail says, from its greeting to its end."""

    def say(text: str, weight: Weight = Weight.PLAIN) -> Paragraph:
        return Paragraph(text=filled(text), weight=weight)

    def filled(text: str) -> str:
        # Always with values: the names in a text must not reach anybody unfilled.
        return translate(
            language, text, institution=told.institution or VAULT, account=told.account or ""
        )

    def go(text: str, link: str | None, label: str, weight: Weight = Weight.PLAIN) -> Paragraph:
        return Paragraph(text=filled(text), link=link, label=filled(label), weight=weight)

    facts = Paragraph(text="\n".join(_facts(told, language)), weight=Weight.FACTS)
    view = go(NO_ACCOUNT, told.holder, mark("View and download"), Weight.MAIN)
    secret = say(KEEP_TO_YOURSELF, Weight.SMALL)
    unasked = say(NOT_ASKED, Weight.SMALL)
    bodies = {
        Kind.SIGN_IN: [go(SIGN_IN, told.link, mark("Sign in"), Weight.MAIN), unasked],
        Kind.ADD_EMAIL: [
            go(ADD_EMAIL, told.link, mark("Confirm this address"), Weight.MAIN),
            say(ONLY_YOUR_OWN),
            unasked,
        ],
        Kind.ASSIGNED: [
            say(ASSIGNED),
            facts,
            view,
            go(mark("All your certificates:"), told.link, mark("My certificates")),
            secret,
        ],
        Kind.INVITATION: [
            say(INVITATION),
            facts,
            view,
            go(CLAIM, told.link, mark("Create a free account")),
            go(mark("After that time, sign in here:"), told.mine, mark("Sign in")),
            secret,
        ],
    }
    return [say(mark("Hello,")), *bodies[kind]]


def as_text(said: Sequence[Paragraph]) -> str:
    """The same without any looks."""
    parts = [f"{each.text}\n{each.link}" if each.link else each.text for each in said]
    return "\n\n".join(parts) + "\n"


def _facts(told: Told, language: str) -> list[str]:
    day = told.issue_date and date_words(language, told.issue_date)
    return [fact for fact in (told.title, told.institution, day, told.reference_id) if fact]
