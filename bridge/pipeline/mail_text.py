"""The mails with a learner's links: text and HTML, in the learner's language."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from bridge.texts import closest, date_words, direction, mark, translate


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedCertificate:
    """One certificate as the mail tells it."""

    title: str
    institution: str
    status: str | None  #: a word in the mail's language; None where it is simply issued
    issue_date: date | None
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Why a mail is written."""

    subject: str
    why: str
    after: str


LOST = Occasion(
    subject=mark("Links to your certificates"),
    why=mark(
        "a new link to your certificates was asked for. Here is what we have for this address:"
    ),
    after=mark("If you did not ask for this mail, you do not need to do anything."),
)
REPLACED = Occasion(
    subject=mark("Your certificate has been corrected"),
    why=mark("your certificate has been corrected. This one has taken its place:"),
    after=mark("Please use this one from now on, also where you have shown the former one."),
)


def compose(
    certificates: Sequence[LinkedCertificate],
    occasion: Occasion,
    *,
    mail_id: str,
    to: str,
    sender: str,
    language: str,
    now: datetime,
) -> EmailMessage:
    """Return the mail. Sent twice by mishap it has the same Message-ID: mail readers show one.

    Raises ValueError if an address is none, or more than one.
    """
    message = EmailMessage()
    message["Subject"] = translate(language, occasion.subject)
    message["From"] = Address(certificates[0].institution, addr_spec=sender)
    message["To"] = to
    if [found.addr_spec for found in message["To"].addresses] != [to]:
        raise ValueError("the mail address is not one address")
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{mail_id}@{sender.rpartition('@')[2]}>"
    # RFC 3834: no holiday notices in answer to this.
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = closest(language)
    message.set_content(_text(certificates, occasion, language))
    message.add_alternative(_html(certificates, occasion, language), subtype="html")
    return message


def _before(occasion: Occasion, language: str) -> tuple[str, str]:
    return translate(language, "Hello,"), translate(language, occasion.why)


def _after(occasion: Occasion, language: str) -> tuple[str, str]:
    return (
        translate(
            language,
            "These links do not expire. Whoever has one can open the certificate, so please keep "
            "them to yourself.",
        ),
        translate(language, occasion.after),
    )


def _facts(certificate: LinkedCertificate, language: str) -> list[str]:
    day = certificate.issue_date
    facts = [certificate.status, certificate.institution, day and date_words(language, day)]
    return [fact for fact in facts if fact]


def _text(certificates: Sequence[LinkedCertificate], occasion: Occasion, language: str) -> str:
    entries = ["\n".join([each.title, *_facts(each, language), each.url]) for each in certificates]
    before, after = _before(occasion, language), _after(occasion, language)
    return "\n\n".join([*before, *entries, *after]) + "\n"


def _html(certificates: Sequence[LinkedCertificate], occasion: Occasion, language: str) -> str:
    open_it = html.escape(translate(language, "Open your certificate"))
    entries = "".join(
        f'<li style="margin:0 0 20px"><bdi><strong>{html.escape(each.title)}</strong></bdi><br>'
        f"{''.join(f'<bdi>{html.escape(fact)}</bdi><br>' for fact in _facts(each, language))}"
        f'<a href="{html.escape(each.url)}">{open_it}</a></li>'
        for each in certificates
    )
    hello, why = (f"<p>{html.escape(line)}</p>" for line in _before(occasion, language))
    notes = "".join(
        f'<p style="color:#595959">{html.escape(line)}</p>' for line in _after(occasion, language)
    )
    tag, way = closest(language), direction(language)
    title = html.escape(translate(language, occasion.subject))
    return (
        f'<!doctype html><html lang="{tag}" dir="{way}"><head><meta charset="utf-8">'
        f"<title>{title}</title></head>"
        f'<body dir="{way}" style="font:16px/1.5 sans-serif;max-width:36em;margin:24px auto;'
        f'padding:0 16px">{hello}{why}<ul style="padding-inline-start:20px">{entries}</ul>'
        f"{notes}</body></html>\n"
    )
