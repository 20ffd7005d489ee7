"""What visits leave behind: links, sessions and the mails that carried them, of customers or not.

Whoever typed an address at the form to sign in has left it in two tables; it is kept for as long as
somebody may ask what became of the mail.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from vault.store import rates
from vault.store.people import customer_session, mailed_link, notice

#: After a link or a session has ended.
KEPT = timedelta(days=7)
RATES_KEPT = timedelta(days=1)


def forget(conn: sa.Connection, *, now: datetime) -> int:
    """Delete what ended long ago; return how many mails of no certificate there were."""
    before = now - KEPT
    rates.forget(conn, before=now - RATES_KEPT)
    conn.execute(
        sa.delete(customer_session).where(
            sa.or_(customer_session.c.expires_at < before, customer_session.c.revoked_at < before)
        )
    )
    old = sa.select(mailed_link.c.id).where(
        sa.or_(mailed_link.c.expires_at < before, mailed_link.c.used_at < before)
    )
    # An invitation outlives its link: sent again, it carries a new one.
    conn.execute(
        sa.update(notice)
        .where(notice.c.certificate_id.is_not(None), notice.c.link_id.in_(old))
        .values(link_id=None)
    )
    mails = conn.execute(
        sa.delete(notice).where(notice.c.certificate_id.is_(None), notice.c.link_id.in_(old))
    ).rowcount
    conn.execute(sa.delete(mailed_link).where(mailed_link.c.id.in_(old)))
    return mails
