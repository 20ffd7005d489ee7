"""Who is told that a certificate is ready, and the step that sends the mails.

`match` stands in the transaction that makes a certificate generated, so each is matched once. A
worker that dies between the server's "taken" and our commit sends a mail a second time, under the
same Message-ID. That is harmless; a mail that never comes is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog

from runtime import smtp
from runtime.crashpoint import crashpoint
from runtime.database import Database
from runtime.lease import LeaseLost, claim, lease_of, release, save
from runtime.post import Post
from runtime.retry import Backoff
from vault.certificate import Status
from vault.links import Links
from vault.notice_mail import compose
from vault.notice_text import Told
from vault.store import certificates, customers, entrances, notices
from vault.store.entrances import Purpose
from vault.store.notices import Kind, Mail, State
from vault.store.people import notice

#: With the waits between them about four days, as of any mail server (RFC 5321, 4.5.4.1): a relay
#: that breaks on a Friday is mended on Monday.
MOST_TRIES = 28
BACKOFF = Backoff(first=timedelta(seconds=10), longest=timedelta(hours=6))
#: A mail that ends its worker counts as tried: it must not do so for ever.
NEVER_ENDED = (
    f"Sending was begun {MOST_TRIES} times and never came to an end. "
    "Ask the vault's operator to read its log, then: certvault mail resend"
)
#: Somebody sits and waits for a link, so that they come before any number of certificates.
WAITED_FOR = notice.c.certificate_id.is_(None)

log = structlog.get_logger()


class Unwanted(Exception):
    """A mail that has lost its sense since it was put on its way; the text says why."""


def match(conn: sa.Connection, rows: Sequence[sa.Row[Any]], *, now: datetime) -> None:
    """Assign certificates that have just been generated, or invite their holders; tell them once.

    ``rows`` are certificates as `vault.store.certificates.get` returns them.
    """
    known = customers.find_each(conn, {row.applicant_email for row in rows})
    owners = {row.id: known[row.applicant_email].id for row in rows if row.applicant_email in known}
    customers.assign(conn, owners, now=now)
    notices.add(conn, [_news(row, known.get(row.applicant_email)) for row in rows], now=now)


def _news(row: sa.Row[Any], customer: sa.Row[Any] | None) -> Mail:
    """What is told of a certificate to the customer it was assigned to, or to a stranger."""
    if customer is None:
        kind, to, language = Kind.INVITATION, row.applicant_email, row.institution_language
    else:
        kind, to, language = Kind.ASSIGNED, customer.email, customer.language
    return Mail(kind=kind, to=to, language=language, certificate_id=row.id)


class Notices:
    """The step that sends what is due, one mail at a time."""

    def __init__(
        self,
        *,
        database: Database,
        links: Links,
        post: Post,
        sender: str,
        lease: timedelta,
    ) -> None:
        self._database = database
        self._links = links
        self._post = post
        self._sender = sender
        self._lease = lease
        self._owner = uuid4().hex

    def run(self) -> bool:
        """Send one mail that is due; say whether there may be more."""
        with self._database.write() as conn:
            now = self._database.now(conn)
            rows = self._take(conn, WAITED_FOR, now) or self._take(conn, sa.true(), now)
            for row in rows:
                save(conn, notice, lease_of(row), tries=row.tries + 1)
        for row in rows:
            crashpoint("notices.claimed")
            try:
                self._send(row)
            except LeaseLost:
                log.warning("lease_lost", notice=row.uuid)
        return bool(rows)

    def message(self, row: sa.Row[Any]) -> EmailMessage:
        """The mail of a row as it is, or would be, sent.

        Raises Unwanted, and runtime.smtp.Refused for an address that is none.
        """
        kind = Kind(row.kind)
        with self._database.write() as conn:
            now = self._database.now(conn)
            told = self._told(conn, kind, row, now)
        try:
            return compose(
                kind,
                told,
                message_id=f"{row.uuid}.{row.sends}",
                to=row.to_address,
                sender=self._sender,
                language=row.language,
                now=now,
            )
        except ValueError:
            raise smtp.Refused("The address is not a mail address.") from None

    def _take(
        self, conn: sa.Connection, which: sa.ColumnElement[bool], now: datetime
    ) -> Sequence[sa.Row[Any]]:
        return claim(
            conn,
            notice,
            where=sa.and_(notice.c.state == State.DUE.value, which),
            owner=self._owner,
            now=now,
            lease=self._lease,
            limit=1,
        )

    def _send(self, row: sa.Row[Any]) -> None:
        if row.tries >= MOST_TRIES:
            self._end(row, State.FAILED, row.problem or NEVER_ENDED)
            return
        try:
            self._post(self.message(row), row.to_address)
        except Unwanted as exc:
            self._end(row, State.CANCELLED, str(exc))
        except smtp.Refused as exc:
            self._end(row, State.FAILED, str(exc))
        except smtp.NotNow as exc:
            self._put_off(row, str(exc))
        else:
            crashpoint("notices.posted")
            self._end(row, State.SENT, None)

    def _told(self, conn: sa.Connection, kind: Kind, row: sa.Row[Any], now: datetime) -> Told:
        if row.certificate_id is None:
            return self._entrance(conn, row, now)
        found = certificates.get(conn, row.certificate_id)
        if found.status != Status.GENERATED.value or found.erased_at is not None:
            raise Unwanted("The certificate is not valid any more.")
        if kind is Kind.INVITATION and customers.owner(conn, found.id) is not None:
            raise Unwanted("The certificate was claimed meanwhile.")
        return Told(
            link=self._links.mine if kind is Kind.ASSIGNED else self._claim(conn, row, now),
            mine=self._links.mine,
            holder=self._links.holder(found.uuid),
            title=found.certificate_title,
            institution=found.institution_name,
            issue_date=found.issue_date,
            reference_id=found.reference_id,
        )

    def _entrance(self, conn: sa.Connection, row: sa.Row[Any], now: datetime) -> Told:
        link = entrances.live_link(conn, row.link_id, now=now)
        if link is None:
            raise Unwanted("The link was used or is too old.")
        account = customers.get(conn, link.customer_id).email if link.customer_id else None
        return Told(link=self._links.mailed(link.id), account=account)

    def _claim(self, conn: sa.Connection, row: sa.Row[Any], now: datetime) -> str:
        # Kept with the mail: a second sending after a crash carries the same link.
        link_id = conn.execute(
            sa.select(notice.c.link_id).where(notice.c.id == row.id)
        ).scalar_one()
        if link_id is None or entrances.live_link(conn, link_id, now=now) is None:
            link_id = entrances.add_link(
                conn, Purpose.CLAIM, row.to_address, language=row.language, now=now
            )
            conn.execute(sa.update(notice).where(notice.c.id == row.id).values(link_id=link_id))
        return self._links.mailed(link_id)

    def _put_off(self, row: sa.Row[Any], problem: str) -> None:
        tries = row.tries + 1
        if tries >= MOST_TRIES:
            self._end(row, State.FAILED, problem)
            return
        with self._database.write() as conn:
            later = self._database.now(conn) + BACKOFF.wait(tries)
            release(conn, notice, lease_of(row), next_run_at=later, problem=problem)
        log.warning("notice_put_off", notice=row.uuid, tries=tries, reason=problem)

    def _end(self, row: sa.Row[Any], state: State, problem: str | None) -> None:
        with self._database.write() as conn:
            now = self._database.now(conn)
            release(
                conn,
                notice,
                lease_of(row),
                next_run_at=None,
                state=state.value,
                problem=problem,
                ended_at=now,
            )
            crashpoint("notices.ending")
        crashpoint("notices.ended")
        log.info("notice", notice=row.uuid, kind=row.kind, outcome=state.value, reason=problem)
