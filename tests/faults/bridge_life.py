"""A life of the bridge: it receives what is delivered, then works until nothing is left to do.

``python -m tests.faults.bridge_life CONFIG``, by `tests.faults.lives`. One process does what web,
workers and clock do, in turn, so that a run comes by the same points in the same order each time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient

from bridge import queue
from bridge.app import unattended
from bridge.cli import session
from bridge.pipeline import release, replay, telling
from bridge.pipeline.hear import SIGNATURE
from bridge.pipeline.learner_links import LearnerLinks
from bridge.store.states import IssuanceState
from bridge.store.tables import issuance, mail
from runtime import worker
from runtime.bell import Bell
from runtime.database import Database
from runtime.http import Client
from runtime.keys import Keys
from tests.bridge.institution import KEY, settings
from tests.bridge.settling import next_due, run_all, turns
from tests.bridge.world import Clock, TimedBridge
from tests.faults.afar import RemoteRenderer
from tests.faults.lives import Tell, arm, serve
from tests.faults.typed import typed
from tests.haste import hasty

SERVICE = "life"
#: What a command reads before it is given the bridge of this life.
SETTINGS = {
    "BRIDGE_DATABASE_URL": "sqlite://",
    "BRIDGE_REDIS_URL": "unix:///nowhere.sock",
    "BRIDGE_KEY_FILE": "nowhere.key",
    "BRIDGE_PUBLIC_URL": "https://certs.example.edu",
}
CALL = timedelta(seconds=20)


class Lifetime:
    """What is loaded once: engines, with every statement they have compiled."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.clock = Clock()
        self.printer = config["printer"]
        self.http = Client(allowed=["127.0.0.1"], deadline=CALL)
        self.databases = {
            kind: hasty(Database(url, now=self.clock.tick))
            for kind, url in config["databases"].items()
        }

    def live(self, order: Mapping[str, Any], tell: Tell) -> None:
        """Receive the deliveries, be told by the vault, settle, ask for mails, settle again.

        Or do what a person types, once what is due is done.
        """
        self.clock.moment = datetime.fromisoformat(order["moment"])
        bridge = self.bridge(order)
        arm(order, self.dated(tell))
        client = unattended(bridge).test_client()
        for name, body in order["deliveries"].items():
            answer = client.post(order["hook"], data=body, content_type="application/json")
            tell(delivered=name, status=answer.status_code)
        if order["vault_tells"]:
            self.be_told(bridge, client, order["vault_tells"])
        patience = timedelta(seconds=order["patience_s"])
        if order["redis"]:
            self.work(bridge, order["redis"], patience)
        elif order["command"]:
            self.settle(bridge, timedelta(0))  # a person does not wait for more than is due
            tell(exit=self.command(bridge, order["command"]))
            self.settle(bridge, patience)
        else:
            self.settle(bridge, patience)
            self.ask_for_mails(bridge, client, order["mails"])
            self.settle(bridge, patience)
        for database in self.databases.values():
            database.close()

    def bridge(self, order: Mapping[str, Any]) -> TimedBridge:
        values = settings(allowed_private_hosts="127.0.0.1", **order["settings"])
        keys = Keys([KEY])
        # What is left open when warming up must not be shared by all who follow.
        http = Client(allowed=["127.0.0.1"], deadline=CALL) if order["warm"] else self.http
        return TimedBridge(
            settings=values,
            database=self.databases[order["kind"]],
            keys=keys,
            links=LearnerLinks(keys, values.public_url, values.download_expires),
            renderer=RemoteRenderer(self.printer),
            ring=lambda _bell: None,
            vault_http=http,
            lms_http=http,
            owner=order["owner"],
            clock=self.clock,
        )

    def dated(self, tell: Tell) -> Tell:
        """Tell the time with it: the next life begins then."""

        def telling(**what: Any) -> None:
            tell(**what, moment=self.clock.moment.isoformat())

        return telling

    def settle(self, bridge: TimedBridge, patience: timedelta) -> None:
        end = self.clock.moment + patience
        for _ in turns():
            run_all(bridge)
            telling.run_all(bridge)
            moment = next_due(bridge.database, self.clock.moment)
            if moment is None or moment > end:
                return
            self.clock.moment = moment

    def work(self, bridge: TimedBridge, redis_url: str, patience: timedelta) -> None:
        """Be a real worker of every bell, until told to end or until nothing is left to do."""
        bell = Bell(redis_url, service=SERVICE)
        end = self.clock.moment + patience

        def answer(name: str) -> bool:
            more = queue.answer(bridge, name)
            if not more:
                self.ring_for_what_is_next(bridge, bell, end)
            return more

        bell.ring("normalise")
        worker.work(
            redis_url, service=SERVICE, steps={name: partial(answer, name) for name in queue.BELLS}
        )

    def ring_for_what_is_next(self, bridge: TimedBridge, bell: Bell, end: datetime) -> None:
        """What the clock does; nobody else works here, so that its hands may be moved."""
        if not (due := list(queue.due_bells(bridge))):
            moment = next_due(bridge.database, self.clock.moment)
            if moment is None or moment > end:
                os.kill(os.getpid(), signal.SIGTERM)
                return
            self.clock.moment = moment
            due = list(queue.due_bells(bridge))
        for name in due:
            bell.ring(name)

    def be_told(self, bridge: TimedBridge, client: FlaskClient, secret: str) -> None:
        """Ask the vault once; then it tells by webhook what has become of each certificate."""
        run_all(bridge)
        self.clock.moment = next_due(bridge.database, self.clock.moment) or self.clock.moment
        run_all(bridge)
        followed = sa.select(issuance).where(issuance.c.state == IssuanceState.PROCESSING)
        with bridge.database.read() as conn:
            rows = conn.execute(followed).all()
        for row in rows:
            body = json.dumps({"uuid": row.vault_uuid, "applicant_email": row.applicant_email})
            signature = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
            answer = client.post("/hooks/vault/main", data=body, headers={SIGNATURE: signature})
            assert answer.status_code == 200, answer.data

    def ask_for_mails(self, bridge: TimedBridge, client: FlaskClient, addresses: list[str]) -> None:
        for address in addresses:
            with bridge.database.read() as conn:
                asked = sa.select(mail.c.id).where(sa.func.lower(mail.c.to_address) == address)
                known = conn.execute(asked).all()
            if not known:
                answer = client.post("/c/lost", data={"email": address})
                assert answer.status_code == 303, answer.data

    def command(self, bridge: TimedBridge, command: Sequence[str]) -> int:
        """Run ``vaultbridge …`` on this bridge; its exit status."""
        session.build = lambda _settings, *, ring: bridge
        return typed(command)


if __name__ == "__main__":
    replay.BATCH = release.BATCH = 2
    os.environ |= SETTINGS
    serve(Lifetime(json.loads(sys.argv[1])).live)
