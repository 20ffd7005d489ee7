"""The step that sends what is due, so that no endpoint waits for another.

A batch would last as long as its slowest receiver. So deliveries are claimed as threads become
free, a few for each endpoint, and outcomes saved as they come; one turn of the step lasts a
fraction of a second, whoever is slow. A process that is killed in between leaves leases that
expire: the delivery is sent again, under the same id.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
import structlog

from runtime.crashpoint import crashpoint
from runtime.database import Database
from runtime.http import Client
from runtime.keys import KeyProblem, Keys
from runtime.lease import Lease, LeaseLost
from vault.store import endpoints
from vault.store import webhook_deliveries as deliveries
from vault.webhooks.schedule import Schedule, reason_to_disable
from vault.webhooks.sending import Answer, Message, send
from vault.webhooks.signing import headers

THREADS = 32
#: So many deliveries at once to one endpoint; to one that fails, a single one.
AT_ONCE = 8
#: The last threads are for endpoints to which nothing is on its way.
RESERVED = 8
#: How long a turn gathers outcomes, to save them in one commit; and how long it waits for a first.
GATHER_S = 0.05
TURN_S = 0.25
#: An endpoint whose secrets cannot be opened is left alone for so long.
UNREADABLE_S = 60.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class OnItsWay:
    """One delivery that was claimed and is being sent."""

    endpoint_id: int
    lease: Lease
    attempt_id: int
    tries: int  #: this attempt counted
    uuid: str


class Deliver:
    """Sends due deliveries. One thread at a time may call it; it has threads of its own."""

    def __init__(
        self,
        *,
        database: Database,
        keys: Callable[[], Keys],
        http: Client,
        schedule: Schedule,
        lease: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._keys = keys
        self._http = http
        self._schedule = schedule
        self._lease = lease
        self._monotonic = monotonic
        self._owner = uuid4().hex
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")
        self._sent: dict[Future[Answer], OnItsWay] = {}
        self._unreadable: dict[int, float] = {}

    def run(self) -> bool:
        """Save what has come back, send more; return whether anything is on its way."""
        done = self._finished()
        with self._database.read() as conn:
            due = deliveries.due_endpoints(conn, self._database.now(conn))
        limits = self._limits(due)
        if done or limits:
            self._turn(done, [(row, limits[row.id]) for row in due if row.id in limits])
        return bool(self._sent)

    def close(self) -> None:
        """Wait for what is on its way, save its outcome, send nothing more."""
        self._threads.shutdown(wait=True)
        done = self._finished()
        if done:
            self._turn(done, [])
        self._http.close()

    def _finished(self) -> list[tuple[OnItsWay, Answer]]:
        if not self._sent:
            return []
        done, _ = wait(self._sent, timeout=GATHER_S)
        if not done:
            done, _ = wait(self._sent, timeout=TURN_S, return_when=FIRST_COMPLETED)
        if done:
            crashpoint("webhooks.sent")
        return [(self._sent.pop(future), future.result()) for future in done]

    def _limits(self, due: Sequence[sa.Row[Any]]) -> dict[int, int]:
        """How many further deliveries each endpoint may have; those with fewest come first."""
        busy = Counter(work.endpoint_id for work in self._sent.values())
        free = THREADS - len(self._sent)
        limits: dict[int, int] = {}
        for row in sorted(due, key=lambda row: (busy[row.id], row.id)):
            most = 1 if row.failing_since is not None else AT_ONCE
            limit = min(most - busy[row.id], max(free - RESERVED, int(not busy[row.id])), free)
            if limit > 0:
                limits[row.id] = limit
                free -= limit
        return limits

    def _turn(
        self, done: Sequence[tuple[OnItsWay, Answer]], wanted: Sequence[tuple[sa.Row[Any], int]]
    ) -> None:
        opened = [(row, limit, self._secrets(row)) for row, limit in wanted]
        claimed = []
        with self._database.write() as conn:
            now = self._database.now(conn)
            # In the same order everywhere: two workers must not wait for each other.
            for work, answer in sorted(done, key=_order):
                self._save(conn, work, answer, now)
            for row, limit, secrets in opened:
                if secrets:
                    claimed += self._claim(conn, row, limit, secrets, now)
            crashpoint("webhooks.saving")
        crashpoint("webhooks.saved")
        for work, message in claimed:
            self._sent[self._threads.submit(send, self._http, message)] = work

    def _secrets(self, row: sa.Row[Any]) -> tuple[str, ...]:
        if self._monotonic() < self._unreadable.get(row.id, 0.0):
            return ()
        try:
            return endpoints.secrets_of(row, self._keys())
        except KeyProblem as exc:
            log.error("webhook_secret_unreadable", endpoint=row.id, reason=str(exc))  # noqa: TRY400
            self._unreadable[row.id] = self._monotonic() + UNREADABLE_S
            return ()

    def _claim(
        self,
        conn: sa.Connection,
        row: sa.Row[Any],
        limit: int,
        secrets: tuple[str, ...],
        now: datetime,
    ) -> list[tuple[OnItsWay, Message]]:
        taken = deliveries.take(
            conn, row.id, owner=self._owner, now=now, lease=self._lease, limit=limit
        )
        return [
            (
                OnItsWay(
                    endpoint_id=row.id,
                    lease=lease,
                    attempt_id=attempt_id,
                    tries=one.tries + 1,
                    uuid=one.uuid,
                ),
                _message(row, one, secrets, now),
            )
            for one, lease, attempt_id in taken
        ]

    def _save(self, conn: sa.Connection, work: OnItsWay, answer: Answer, now: datetime) -> None:
        log.info(
            "webhook_sent",
            delivery=work.uuid,
            endpoint=work.endpoint_id,
            status=answer.status,
            ms=answer.ms,
            attempt=work.tries,
        )
        deliveries.note(conn, work.attempt_id, answer, now)
        try:
            with conn.begin_nested():
                if answer.problem is None:
                    endpoints.note_success(conn, work.endpoint_id)
                    deliveries.accepted(conn, work.lease, now)
                else:
                    self._save_failure(conn, work, now)
        except LeaseLost:
            log.warning("lease_lost", delivery=work.uuid)

    def _save_failure(self, conn: sa.Connection, work: OnItsWay, now: datetime) -> None:
        pause = self._schedule.wait(work.tries)
        row = endpoints.note_failure(conn, work.endpoint_id, given_up=pause is None, now=now)
        if pause is None or row.disabled_at is not None:
            deliveries.give_up(conn, work.lease, now)
        else:
            deliveries.again(conn, work.lease, now + pause)
        reason = reason_to_disable(given_up=row.given_up, failing_since=row.failing_since, now=now)
        if reason is not None and row.disabled_at is None:
            deliveries.disable(conn, work.endpoint_id, reason=reason, now=now)
            log.warning("webhook_endpoint_disabled", endpoint=work.endpoint_id, reason=reason)


def _order(pair: tuple[OnItsWay, Answer]) -> tuple[int, int]:
    return pair[0].endpoint_id, pair[0].attempt_id


def _message(
    row: sa.Row[Any], one: sa.Row[Any], secrets: tuple[str, ...], now: datetime
) -> Message:
    body = one.body.encode()
    signed = headers(
        body,
        secrets=secrets,
        event=one.event,
        webhook_id=row.id,
        delivery_id=one.uuid,
        now=now,
    )
    return Message(url=row.url, headers=signed, body=body)
