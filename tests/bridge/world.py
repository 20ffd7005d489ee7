"""A whole bridge in one process, with a vault and an LMS that do as they are told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Protocol

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from bridge import queue
from bridge.app import create_app
from bridge.pipeline import reconcile
from bridge.pipeline.bridge import Bridge
from bridge.pipeline.replay import Replayed, replay
from bridge.store import accounts, mapping_versions, reconcile_runs, tables
from bridge.store.states import MappingState
from bridge.store.troubles import troubled
from bridge.vault_client import VaultClient
from runtime.database import Database
from tests.bridge.settling import next_due, run_all, turns
from tests.scripted_lms import ScriptedLms
from tests.scripted_vault import TOKEN, ScriptedVault

#: A step that leaves its work due would run for ever.
MOST_RUNS = 40
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
#: Tests complete courses whenever they like.
LONG_AGO = NOON - timedelta(days=3650)
SECRET = "whsec_" + base64.b64encode(b"a signing secret of 32 bytes ok.").decode()
SITE = "scripted-main"
#: Another site, with an LMS of its own, where a test asks for it.
SECOND = "second-main"
TITLE = "Certificate of Completion: Marine Biology"
MAPPING = """\
mapping: 1
name: course-completion
issuer: main
site: "*"
match: {course: "*"}
entry:
  certificate_title: "Certificate of Completion: {{ course.title }}"
  full_name: "{{ learner.full_name }}"
  applicant_email: "{{ learner.email }}"
  issue_date: "{{ completed_at | local_date: 'UTC' }}"
"""


class Reachable(Protocol):
    """A vault, or the way to it."""

    @property
    def url(self) -> str: ...


@dataclass
class Clock:
    """The only clock there is; it moves when told to, and a little with every transaction."""

    moment: datetime = NOON

    def now(self) -> datetime:
        return self.moment

    def tick(self) -> datetime:
        """The moment for one transaction: rows made one after the other sort so by their ids."""
        self.moment += timedelta(milliseconds=1)
        return self.moment

    def forward(self, by: timedelta) -> None:
        self.moment += by


@dataclass(frozen=True, kw_only=True)
class TimedBridge(Bridge):
    """A bridge whose own clock is the test's, too."""

    clock: Clock

    def now(self) -> datetime:
        return self.clock.now()


class PresentBridge:
    """The bridge of the present test, for an application that serves one test after the other."""

    def __init__(self) -> None:
        self.bridge: Bridge | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bridge, name)


#: To make an application takes longer than most tests: one for each database and its settings.
_APPS: dict[tuple[Database, str], tuple[PresentBridge, Flask]] = {}


def app_of(bridge: Bridge) -> Flask:
    """An application that serves this bridge until another of the same kind asks."""
    kind = (bridge.database, repr(bridge.settings))
    if kind not in _APPS:
        present: Any = PresentBridge()
        present.bridge = bridge
        _APPS[kind] = present, create_app(present)
    present, app = _APPS[kind]
    present.bridge = bridge
    return app


@dataclass
class World:
    """The bridge, what stands around it, and what a test does with it."""

    bridge: TimedBridge
    clock: Clock
    vault: ScriptedVault
    lms: ScriptedLms
    rung: list[str]
    issuer_id: str = ""
    site_id: str = ""
    numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.set_up()
        self.app: Flask = app_of(self.bridge)

    def set_up(self) -> None:
        """What an empty database needs."""
        self.issuer_id = self.add_issuer("main")
        self.site_id = self.add_site(SITE, "scripted")
        self.add_site("signed-main", "signed")
        self.add_mapping()

    def add_issuer(self, name: str, *, at: Reachable | None = None, token: str = TOKEN) -> str:
        """Add an issuer at this world's vault or another; return its id."""
        with self.bridge.database.write() as conn:
            return accounts.add_issuer(
                conn,
                name,
                keys=self.bridge.keys,
                secrets={"token": token},
                now=self.clock.now(),
                vault_url=(at or self.vault).url,
                institution_name="Institute of the Sea",
            )

    def add_site(
        self,
        name: str,
        connector: str,
        *,
        settings: Mapping[str, Any] | None = None,
        secrets: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a site; by default its deliveries are signed with the world's secret; its id."""
        with self.bridge.database.write() as conn:
            return accounts.add_site(
                conn,
                name,
                connector=connector,
                settings=settings or {},
                secrets=secrets or {"secrets": [SECRET]},
                keys=self.bridge.keys,
                now=self.clock.now(),
                issue_from=LONG_AGO,
            )

    def add_mapping(
        self, *changes: tuple[str, str], state: MappingState = MappingState.PUBLISHED
    ) -> None:
        """Make the mapping above active, or rehearse it, with some of its text changed."""
        document = MAPPING
        for old, new in changes:
            assert old in document
            document = document.replace(old, new)
        name = document.split("name: ")[1].split("\n")[0]
        with self.bridge.database.write() as conn:
            mapping_versions.add(conn, name, document, now=self.clock.now(), state=state)

    def body(self, who: str = "ada", **changes: Any) -> dict[str, Any]:
        """A completion as a sender tells it; ``changes`` of its data, by section."""
        data = {
            "completed_at": self.clock.now().isoformat(),
            "course": {"id": "42", "code": "BIO-1", "title": "Marine Biology"},
            "learner": {
                "id": who,
                "full_name": f"{who.title()} Lovelace",
                "email": f"{who}@learners.example",
            },
        }
        for name, value in changes.items():
            data[name] = {**data[name], **value} if name in ("course", "learner") else value
        noticed = self.clock.now().isoformat()
        return {"type": "course.completed", "timestamp": noticed, "data": data}

    def signed(self, body: bytes, *, delivery: str | None = None) -> dict[str, str]:
        """The headers under which a body is genuine."""
        number = delivery or f"msg_{next(self.numbers)}"
        at = str(int(self.clock.now().timestamp()))
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        mac = hmac.new(key, f"{number}.{at}.".encode() + body, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(mac).decode()}"
        return {"webhook-id": number, "webhook-timestamp": at, "webhook-signature": signature}

    def post(
        self,
        body: Mapping[str, Any] | bytes,
        *,
        delivery: str | None = None,
        path: str = f"/hooks/scripted/{SITE}",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Deliver, signed unless ``headers`` are given."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = self.signed(raw, delivery=delivery) if headers is None else headers
        return self.app.test_client().open(path, method=method, data=raw, headers=given)

    def complete(self, who: str = "ada", **changes: Any) -> str:
        """Deliver a completion; return the delivery's id."""
        response = self.post(self.body(who, **changes))
        assert response.status_code == 202, response.get_data(as_text=True)
        delivery_id: str = response.get_json()["delivery"]
        return delivery_id

    def run(self, *bells: str) -> None:
        """Answer each bell until nothing of its work is due."""
        for bell in bells:
            for _ in range(MOST_RUNS):
                more = queue.answer(self.bridge, bell)
                if not more and not queue.due_bells(self.bridge, among=[bell]):
                    break
            else:
                raise AssertionError(f"{bell} is still due after {MOST_RUNS} runs")

    def issue(self, who: str = "ada", **changes: Any) -> None:
        """Deliver a completion and send its certificate."""
        self.complete(who, **changes)
        self.run("normalise", "issue")

    def generate(self, who: str = "ada", **changes: Any) -> None:
        """Deliver a completion and follow its certificate until the vault has made it."""
        self.issue(who, **changes)
        self.vault.finish()
        self.later()
        self.run("follow")

    def reconcile(
        self,
        *,
        fix: bool = False,
        since: timedelta = timedelta(days=30),
        causes: frozenset[str] | None = None,
        who: str = "alice",
        site: str = SITE,
    ) -> sa.Row[Any]:
        """Compare a site with everything around it, to the end; the run's row."""
        run_id = reconcile.begin(
            self.bridge,
            self.site(site).id,
            since=self.clock.now() - since,
            who=who,
            fix=fix,
            causes=causes,
        )
        assert run_id is not None
        return self.finish_run(run_id, site=site)

    def finish_run(self, run_id: str, *, site: str = SITE) -> sa.Row[Any]:
        """Do the steps of a run until it has ended; its row."""
        for _ in range(MOST_RUNS):
            reconcile.step(self.bridge, self.site(site).id)
            with self.bridge.database.read() as conn:
                row = reconcile_runs.by_id(conn, run_id)
            if row.ended_at is not None:
                return row
        raise AssertionError(f"it has not ended after {MOST_RUNS} steps")

    def differences(self, state: str = "open") -> list[tuple[str, str | None]]:
        """The causes of the differences in a state, and whom they concern."""
        rows = [row for row in self.rows(tables.difference) if row.state == state]
        return sorted((row.cause, row.learner_id) for row in rows)

    def later(self, **by: float) -> None:
        """Let time pass: a minute, unless said otherwise."""
        self.clock.forward(timedelta(**(by or {"minutes": 1})))

    def settle(self, hours: float = 12) -> None:
        """Let everything that has a time of its own come to it, within so many hours."""
        end = self.clock.now() + timedelta(hours=hours)
        for _ in turns():
            run_all(self.bridge)
            self.vault.finish()
            moment = self.next_due()
            if moment is None or moment > end:
                return
            self.clock.moment = moment

    def next_due(self) -> datetime | None:
        """The next moment at which there is something to do; what is due now is held up."""
        return next_due(self.bridge.database, self.clock.now())

    def rows(self, table: sa.Table) -> list[sa.Row[Any]]:
        """All rows of a table, oldest first."""
        with self.bridge.database.read() as conn:
            return list(conn.execute(sa.select(table).order_by(*table.primary_key)).all())

    def one(self, table: sa.Table) -> sa.Row[Any]:
        """The only row of a table."""
        (row,) = self.rows(table)
        return row

    @property
    def issuance(self) -> sa.Row[Any]:
        return self.one(tables.issuance)

    @property
    def completion(self) -> sa.Row[Any]:
        return self.one(tables.completion)

    @property
    def write_back(self) -> sa.Row[Any]:
        return self.one(tables.write_back)

    @property
    def issuer(self) -> sa.Row[Any]:
        return self.one(tables.issuer)

    def site(self, name: str = SITE) -> sa.Row[Any]:
        with self.bridge.database.read() as conn:
            return accounts.site_named(conn, name)

    def attempts(self) -> list[tuple[str, str | None]]:
        """Every remote call written down: what, and how it ended."""
        return [(row.operation, row.outcome) for row in self.rows(tables.attempt)]

    def states(self, table: sa.Table = tables.issuance) -> list[str]:
        return [row.state for row in self.rows(table)]

    def change(self, table: sa.Table, row_id: Any, **values: Any) -> None:
        with self.bridge.database.write() as conn:
            conn.execute(sa.update(table).where(table.c.id == row_id).values(**values))

    def hold(self, issuance_id: str) -> None:
        """Hold an issuance, as after three faults of the program."""
        said = troubled(
            None, cause="issue.bug.Fault", problem="three faults", remedy=None, now=self.clock.now()
        )
        self.change(tables.issuance, issuance_id, state="held", next_run_at=None, **said)

    def history(self, subject: str) -> list[str]:
        """What happened to a row, in order."""
        return [row.what for row in self.rows(tables.event) if row.subject == subject]

    def replay(self, row_id: str, *, reason: str = "mended") -> Replayed:
        return replay(self.bridge, row_id, who="alice", reason=reason)

    def in_wait(self, moment: datetime) -> timedelta:
        """How long it is until a moment."""
        return seconds(moment - self.clock.now())

    def client(self) -> VaultClient:
        return self.bridge.vault_for(self.issuer_id)


def seconds(span: timedelta) -> timedelta:
    """A span in whole seconds."""
    return timedelta(seconds=round(span.total_seconds()))


def key(
    learner: str = "ada", *, title: str = TITLE, day: str = "2026-11-23"
) -> tuple[str, str, str]:
    """The natural key under which the vault counts a learner's certificate."""
    return (f"{learner}@learners.example", title, day)
