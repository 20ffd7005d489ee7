"""Receive a delivery: verify on raw bytes, store, commit, answer. Waits for the database alone.

Those that come at the same moment share what they wait for: the look at their sites, the statement
that stores them, its commit, the bell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
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
from runtime.together import Together

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
    """Stores deliveries for one web process; safe to use from many threads."""

    def __init__(self, bridge: Bridge, group: GroupCommit[Any]) -> None:
        self._bridge = bridge
        self._group = group
        self._sites = Together(self._look, name="sites")
        self._stored = Together(self._store, name="deliveries")
        #: By the site's id: what it was made of, and the connector.
        self._connectors: dict[str, tuple[object, Connector[Any]]] = {}

    def receive(self, connector_name: str, site_name: str, request: InboundRequest) -> Received:
        """Verify and store one delivery.

        Raises TurnedAway, ComeAgain, or sqlalchemy.exc.SQLAlchemyError while the database is down:
        then nothing was stored, and the sender must come again.
        """
        site = self._site(connector_name, site_name)
        connector = self._connector(site)
        try:
            connector.verify(request)
        except Unverified as exc:
            self._count(site.name, deliveries.UNVERIFIED)
            raise TurnedAway from exc
        except Temporary as exc:
            raise ComeAgain(exc.retry_after or COME_AGAIN) from exc
        crashpoint("receive.verified")
        delivery_id, new = self._stored.ask(self._new(site, connector, request))
        outcome = Outcome.STORED if new else Outcome.DUPLICATE
        log.info("delivery", delivery_id=delivery_id, site=site.name, outcome=outcome.value)
        reply = connector.answer(request, outcome, delivery_id)
        return Received(delivery_id=delivery_id, outcome=outcome, reply=reply)

    def _site(self, connector_name: str, name: str) -> sa.Row[Any]:
        # No site is called so, and PostgreSQL cannot even be asked: the others would not be told.
        site = self._sites.ask(name) if "\x00" not in name else None
        if site is None or site.connector != connector_name:
            self._count(UNKNOWN_SITE, "unknown site")
            raise TurnedAway
        return site

    def _look(self, names: Sequence[str]) -> Sequence[sa.Row[Any] | None]:
        with self._bridge.database.read() as conn:
            # With the moment, which asked for by itself is one more answer to wait for.
            now = self._bridge.database.clock().label("now")
            found = accounts.sites_named(conn, set(names), now)
        return [found.get(name) for name in names]

    def _connector(self, site: sa.Row[Any]) -> Connector[Any]:
        made_of = (site.connector, site.settings, site.secrets)
        known = self._connectors.get(site.id)
        if known is not None and known[0] == made_of:
            return known[1]
        try:
            connector = self._bridge.connector_of(site)
        except Permanent as exc:  # nobody can say whether it is genuine
            log.warning("site_unusable", site=site.name, reason=exc.problem, remedy=exc.remedy)
            raise ComeAgain(COME_AGAIN) from exc
        self._connectors[site.id] = (made_of, connector)
        return connector

    def _new(
        self, site: sa.Row[Any], connector: Connector[Any], request: InboundRequest
    ) -> deliveries.New:
        given = connector.delivery_id(request)
        digest = hashlib.sha256(request.body if given is None else given.encode()).hexdigest()
        return deliveries.New(
            site_id=site.id,
            dedupe_key=f"{'body' if given is None else 'id'}:{digest}",
            sealed=deliveries.seal(request, keys=self._bridge.keys),
            received_at=site.now,
        )

    def _store(self, new: Sequence[deliveries.New]) -> Sequence[tuple[str, bool]]:
        def write(conn: sa.Connection) -> Sequence[tuple[str, bool]]:
            stored = deliveries.store(conn, new)
            crashpoint("receive.storing")
            return stored

        stored: Sequence[tuple[str, bool]] = self._group.write(write)
        crashpoint("receive.stored")
        if any(is_new for _, is_new in stored):
            self._bridge.ring("normalise")
        crashpoint("receive.rung")
        return stored

    def _count(self, site_name: str, reason: str) -> None:
        count_refusal(self._bridge, self._group, site_name, reason)


def count_refusal(bridge: Bridge, group: GroupCommit[Any], name: str, reason: str) -> None:
    """Count what was turned away at a hook."""

    def write(conn: sa.Connection) -> None:
        deliveries.count_refusal(conn, name, reason, now=bridge.database.now(conn))

    group.write(write)
