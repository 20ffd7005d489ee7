"""Mail a learner links: to the certificates at one address, or to one in another's place.

The first are asked for on a dead link's page, the other comes of a correction.

A worker that dies between the server's "taken" and our commit sends the mail a second time, under
the same Message-ID. That is harmless; a mail that never comes is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline import endings, mail_text
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.causes import bug, cause_of
from bridge.pipeline.guard import poisoned
from bridge.pipeline.standing import WORDS, Standing, standing
from bridge.store import accounts, events, issuances, links, rates
from bridge.store.states import MailState
from bridge.store.tables import mail
from bridge.store.troubles import MENDED, troubled
from bridge.texts import translate
from runtime import smtp
from runtime.crashpoint import crashpoint
from runtime.lease import claim, lease_of, release
from runtime.post import by_smtp

STEP = "mail"
#: The bell that wakes this step's worker; see bridge.queue.
BELL = "write_back"
#: With the waits between them about four hours: long enough for greylisting and a restart.
MOST_TRIES = 12
RATES_KEPT = timedelta(days=1)
ASK_AGAIN = "Nothing: the learner can ask for new links again."

log = structlog.get_logger()


def run(bridge: Bridge) -> bool:
    """Send one mail that is due; say whether there may be more."""
    if bridge.settings.mail_server is None:
        return False
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        rates.forget(conn, before=now - RATES_KEPT)
        rows = claim(
            conn,
            mail,
            where=mail.c.state == MailState.DUE,
            owner=bridge.owner,
            now=now,
            lease=bridge.settings.lease,
            limit=1,
        )
    for row in rows:
        crashpoint("mail.claimed")
        with poisoned(STEP, row.id, partial(_bug, bridge, row)):
            _send(bridge, row)
    return bool(rows)


def _send(bridge: Bridge, row: sa.Row[Any]) -> None:
    try:
        message = _message(bridge, row)
        by_smtp(str(bridge.settings.mail_server))(message, row.to_address)
    except smtp.NotNow as exc:
        _failed_try(bridge, row, str(exc), cause=cause_of(STEP, exc))
    except smtp.Refused as exc:
        _end(bridge, row, MailState.FAILED, str(exc), cause=cause_of(STEP, exc))
    else:
        crashpoint("mail.delivered")
        _end(bridge, row, MailState.SENT)


def _message(bridge: Bridge, row: sa.Row[Any]) -> EmailMessage:
    with bridge.database.write() as conn:
        certificates = _certificates(bridge, conn, row)
    if not certificates:
        raise smtp.Refused(
            "There is no certificate for this address any more.", code="no_certificate"
        )
    occasion = mail_text.LOST if row.issuance_id is None else mail_text.REPLACED
    try:
        return mail_text.compose(
            certificates,
            occasion,
            mail_id=row.id,
            to=row.to_address,
            sender=str(bridge.settings.mail_from),
            language=row.language,
            now=bridge.now(),
        )
    except ValueError:
        raise smtp.Refused(
            "The address on the certificate is not a mail address.", code="address"
        ) from None


def _certificates(
    bridge: Bridge, conn: sa.Connection, row: sa.Row[Any]
) -> Sequence[mail_text.LinkedCertificate]:
    now = bridge.database.now(conn)
    told = []
    for found in _told_of(conn, row):
        where = standing(found)
        link_id = links.live_link(conn, found.id, now=now)
        told.append(
            mail_text.LinkedCertificate(
                title=found.certificate_title,
                institution=accounts.issuer_by_id(conn, found.issuer_id).institution_name,
                status=None if where is Standing.ISSUED else translate(row.language, WORDS[where]),
                issue_date=found.issue_date,
                url=bridge.links.url(link_id),
            )
        )
    return told


def _told_of(conn: sa.Connection, row: sa.Row[Any]) -> Sequence[sa.Row[Any]]:
    """The certificate that came in another's place, or whatever there is for the address."""
    if row.issuance_id is None:
        return issuances.generated_for(conn, row.to_address)
    return list(filter(None, [issuances.by_id(conn, row.issuance_id)]))


def _bug(bridge: Bridge, row: sa.Row[Any], name: str) -> None:
    _failed_try(bridge, row, name, cause=bug(STEP, name))


def _failed_try(bridge: Bridge, row: sa.Row[Any], problem: str, *, cause: str) -> None:
    tries = row.tries + 1
    if tries >= MOST_TRIES:
        _end(bridge, row, MailState.FAILED, problem, cause=cause)
        return
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        later = now + bridge.backoff.wait(tries)
        said = troubled(row, cause=cause, problem=problem, remedy=endings.BY_ITSELF, now=now)
        release(conn, mail, lease_of(row), next_run_at=later, tries=tries, **said)
    log.warning("mail_put_off", mail_id=row.id, tries=tries, reason=problem)


def _end(
    bridge: Bridge,
    row: sa.Row[Any],
    state: MailState,
    problem: str | None = None,
    *,
    cause: str = "mail.unknown",
) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        said: Mapping[str, Any] = MENDED
        if problem is not None:
            said = troubled(row, cause=cause, problem=problem, remedy=ASK_AGAIN, now=now)
        release(conn, mail, lease_of(row), next_run_at=None, state=state, **said)
        events.record(conn, row.id, f"mail {state}", at=now, detail=problem)
        crashpoint("mail.ending")
    crashpoint("mail.ended")
    log.info("mail", mail_id=row.id, outcome=state.value, reason=problem)
