"""Tell owners what is the matter with their sites and issuers, and when it no longer is.

What stands is looked up, a pure part decides what is to be told, and what was told is written down
together with the messages that say it: killed at any moment, nothing is decided twice. A message is
sent at least once, a mail always under the same Message-ID.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.pipeline.guard import poisoned
from bridge.pipeline.telling import sending, words
from bridge.pipeline.telling.audiences import Audiences, audiences
from bridge.pipeline.telling.concern import Standing
from bridge.pipeline.telling.decide import Decision, Rhythm, decide
from bridge.pipeline.telling.digest import tallies_of
from bridge.pipeline.telling.standing import standing
from bridge.store import notices
from bridge.store.states import NoticeState
from bridge.store.tables import notice
from runtime.crashpoint import crashpoint
from runtime.lease import claim, lease_of, release
from runtime.retry import Backoff

STEP = "telling"
#: With the waits between them about a day: by then the next message says the same.
MOST_TRIES = 30
BACKOFF = Backoff(first=timedelta(seconds=10), longest=timedelta(hours=1))
#: Messages are kept this long, to be looked up.
KEPT = timedelta(days=90)
#: A message that ends its process counts as tried: it must not do so for ever.
NEVER_ENDED = "Sending was begun again and again, and never came to an end."

log = structlog.get_logger()


def run(bridge: Bridge) -> bool:
    """Decide what is to be told, then send one message; say whether there may be more."""
    _decide(bridge)
    return _send_one(bridge)


def run_all(bridge: Bridge) -> None:
    """Decide, and send everything that is due."""
    while run(bridge):
        pass


def _decide(bridge: Bridge) -> None:
    with bridge.database.read() as conn:
        now = bridge.database.now(conn)
        known = audiences(bridge, conn)
        if not known.addresses:
            return
        stands = standing(bridge, conn, known, now=now)
        decision = decide(stands, notices.told(conn), now=now, rhythm=_rhythm(bridge))
    # A second look under the lock: another process may have told it meanwhile.
    if decision.is_anything:
        _tell(bridge, known, stands)


def _tell(bridge: Bridge, known: Audiences, stands: Standing) -> None:
    with bridge.database.write() as conn:
        notices.alone(conn)
        now = bridge.database.now(conn)
        decision = decide(stands, notices.told(conn), now=now, rhythm=_rhythm(bridge))
        notices.remember(conn, decision.remember)
        notices.forget(conn, decision.forget)
        messages = _messages(bridge, conn, known, decision)
        notices.add(conn, messages, keys=bridge.keys, now=now)
        dropped = notices.drop(conn, before=now - KEPT)
        crashpoint("telling.deciding")
    crashpoint("telling.decided")
    sending.forget_files(bridge.settings, dropped)
    for one in decision.tell:
        log.info("told", audience=one.audience, fresh=len(one.fresh), gone=len(one.gone))


def _rhythm(bridge: Bridge) -> Rhythm:
    settings = bridge.settings
    return Rhythm(again=settings.tell_again, patience=settings.tell_patience)


def _messages(
    bridge: Bridge, conn: sa.Connection, known: Audiences, decision: Decision
) -> list[notices.Message]:
    messages = []
    for one in decision.tell:
        tallies = tallies_of(conn, known, one) if one.digest is not None else ()
        subject, text = words.worded(one, tallies, public_url=bridge.settings.public_url)
        messages += [
            notices.Message(audience=one.audience, address=address, subject=subject, text=text)
            for address in known.addresses[one.audience]
        ]
    return messages


def _send_one(bridge: Bridge) -> bool:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        rows = claim(
            conn,
            notice,
            where=notice.c.state == NoticeState.DUE,
            owner=bridge.owner,
            now=now,
            lease=bridge.settings.lease,
            limit=1,
        )
    for row in rows:
        crashpoint("telling.claimed")
        with poisoned(STEP, row.id, partial(_put_off, bridge, row)):
            _send(bridge, row)
    return bool(rows)


def _send(bridge: Bridge, row: sa.Row[Any]) -> None:
    if row.fence > MOST_TRIES:
        _end(bridge, row, NoticeState.FAILED, row.said or NEVER_ENDED)
        return
    try:
        sending.send(bridge, sending.outgoing(bridge, row))
    except sending.NotNow as exc:
        _put_off(bridge, row, str(exc))
    except sending.Refused as exc:
        _end(bridge, row, NoticeState.FAILED, str(exc))
    else:
        crashpoint("telling.sent")
        _end(bridge, row, NoticeState.SENT, None)


def _put_off(bridge: Bridge, row: sa.Row[Any], said: str) -> None:
    tries = row.tries + 1
    if tries >= MOST_TRIES:
        _end(bridge, row, NoticeState.FAILED, said)
        return
    with bridge.database.write() as conn:
        later = bridge.database.now(conn) + BACKOFF.wait(tries)
        release(conn, notice, lease_of(row), next_run_at=later, tries=tries, said=said)
    log.warning("notice_put_off", notice=row.id, tries=tries, reason=said)


def _end(bridge: Bridge, row: sa.Row[Any], state: NoticeState, said: str | None) -> None:
    with bridge.database.write() as conn:
        now = bridge.database.now(conn)
        release(conn, notice, lease_of(row), next_run_at=None, state=state, said=said, ended_at=now)
        crashpoint("telling.ending")
    crashpoint("telling.ended")
    failed = state is NoticeState.FAILED
    (log.error if failed else log.info)("notice", notice=row.id, outcome=state.value, reason=said)
