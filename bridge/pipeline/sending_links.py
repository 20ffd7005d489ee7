"""A person has a learner mailed their links: those to the certificates at their address."""

from __future__ import annotations

from datetime import timedelta

from bridge.pipeline import mail
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.standing import spoken
from bridge.store import events, issuances, mails, rates
from bridge.store.accounts import NotThere
from bridge.store.states import IssuanceState

#: Pressed twice it is one mail.
ONE_IN = timedelta(minutes=10)


class Refused(Exception):
    """No mail can be sent as things stand; the text says why, and the next move."""


def send(bridge: Bridge, row_id: str, *, who: str) -> str | None:
    """Put the mail on its way; return its id, None where one left just now.

    Raises NotThere, Refused.
    """
    if bridge.settings.mail_server is None:
        raise Refused("No mail server is set: BRIDGE_MAIL_SERVER. Copy the link instead.")
    with bridge.database.write() as conn:
        now, row = bridge.database.now(conn), issuances.by_id(conn, row_id)
        if row is None:
            raise NotThere(f"There is no issuance {row_id}.")
        if row.state != IssuanceState.GENERATED or not row.applicant_email:
            raise Refused(f"It is {row.state}: there is no certificate to send a link to yet.")
        once = f"links to {row.applicant_email.casefold()} by a person"
        if not rates.allow(conn, once, most=1, window=ONE_IN, now=now):
            return None
        mail_id = mails.add(conn, row.applicant_email, language=spoken(row), now=now)
        events.record(conn, row_id, "link mailed", at=now, who=who, detail=mail_id)
    bridge.ring(mail.BELL)
    return mail_id
