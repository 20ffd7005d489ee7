"""Receive a delivery: verify on raw bytes, store, commit, answer. Waits for the database alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from bridge.pipeline.bridge import Bridge
from bridge.store import accounts, deliveries
from connectors.base import (
    Connector,
    InboundRequest,
    Outcome,
    Permanent,
    Reply,
    Temporary,
    Unverified,
)
from runtime.crashpoint import crashpoint
from runtime.group_commit import GroupCommit

log = structlog.get_logger()

#: Strangers may try any name: all unknown ones are counted under this.
UNKNOWN_SITE = "(unknown)"
#: When a sender is asked to come again, if nobody says better.
COME_AGAIN = timedelta(seconds=30)


class TurnedAway(Exception):
    """Not provably from a site of ours. The sender is told nothing more."""


class ComeAgain(Exception):
    """It cannot be settled now; the sender is asked to come again."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("come again")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A delivery that is on disk."""

    delivery_id: str
    outcome: Outcome
    reply: Reply | None  #: the protocol's own answer, if it has one


class Receiver:
    """Stores deliveries for one web process."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._group: GroupCommit[Any] = GroupCommit(bridge.database)

    def receive(self, connector_name: str, site_name: str, request: InboundRequest) -> Received:
        """Verify and store one delivery.

        Raises TurnedAway, ComeAgain, or sqlalchemy.exc.SQLAlchemyError while the database is down:
        then nothing was stored, and the sender must come again.
        """
        site, connector = self._site(connector_name, site_name)
        try:
            connector.verify(request)
        except Unverified as exc:
            self._count(site.name, deliveries.UNVERIFIED)
            raise TurnedAway from exc
        except Temporary as exc:
            raise ComeAgain(exc.retry_after or COME_AGAIN) from exc
        crashpoint("receive.verified")
        delivery_id, outcome = self._store(site, connector, request)
        crashpoint("receive.stored")
        if outcome is Outcome.STORED:
            self._bridge.ring("normalise")
        crashpoint("receive.rung")
        log.info("delivery", delivery_id=delivery_id, site=site.name, outcome=outcome.value)
        reply = connector.answer(request, outcome, delivery_id)
        return Received(delivery_id=delivery_id, outcome=outcome, reply=reply)

    def _site(self, connector_name: str, name: str) -> tuple[sa.Row[Any], Connector[Any]]:
        with self._bridge.database.read() as conn:
            try:
                # With the moment, which asked for by itself is one more answer to wait for.
                now = self._bridge.database.clock().label("now")
                site = accounts.site_named(conn, name, now)
            except accounts.NotThere:
                site = None
        if site is None or site.connector != connector_name:
            self._count(UNKNOWN_SITE, "unknown site")
            raise TurnedAway
        try:
            return site, self._bridge.connector_of(site)
        except Permanent as exc:  # nobody can say whether it is genuine
            log.warning("site_unusable", site=site.name, reason=exc.problem, remedy=exc.remedy)
            raise ComeAgain(COME_AGAIN) from exc

    def _store(
        self, site: sa.Row[Any], connector: Connector[Any], request: InboundRequest
    ) -> tuple[str, Outcome]:
        given = connector.delivery_id(request)
        digest = hashlib.sha256(request.body if given is None else given.encode()).hexdigest()
        key = f"{'body' if given is None else 'id'}:{digest}"
        sealed = deliveries.seal(request, keys=self._bridge.keys)

        def write(conn: sa.Connection) -> tuple[str, bool]:
            stored = deliveries.store(conn, site.id, dedupe_key=key, sealed=sealed, now=site.now)
            crashpoint("receive.storing")
            return stored

        delivery_id, new = self._group.write(write)
        return delivery_id, Outcome.STORED if new else Outcome.DUPLICATE

    def _count(self, site_name: str, reason: str) -> None:
        def write(conn: sa.Connection) -> None:
            now = self._bridge.database.now(conn)
            deliveries.count_refusal(conn, site_name, reason, now=now)

        self._group.write(write)
