"""A bridge of real processes, and a way that can break to everything around them.

Vault and campus live in the test's own process: a test scripts the one and looks into both.
Durations are about a fiftieth of what they are in life.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from bridge.processes import BRIDGE
from bridge.store import accounts, mapping_versions, tables
from bridge.store.states import IssuanceState, WriteBackState
from bridge.wiring import MIGRATIONS
from campus import completion, webhooks
from campus.app import create_app
from campus.moodle import Moodle, Settings
from campus.serve import bind
from campus.state import State
from runtime.crashpoint import VARIABLE
from runtime.database import Database
from runtime.embedded import resolve
from runtime.keys import Keys
from runtime.redis_server import embedded
from runtime.schema import migrate
from tests.chaos.fleet import Fleet
from tests.chaos.learners import enrol
from tests.faults.proxy import FaultProxy
from tests.faults.stage import HOOK, HOOK_TOKEN, MAPPING, SITE, TITLES, WS_TOKEN
from tests.polling import eventually
from tests.ports import free_port
from tests.processes import is_stopped
from tests.scripted_vault import TOKEN, Key, ScriptedVault

QUICK = {
    "BRIDGE_LEASE": "3",
    "BRIDGE_VAULT_DEADLINE": "2",
    "BRIDGE_LMS_DEADLINE": "2",
    "BRIDGE_QUIET_PERIOD": "2",
    "BRIDGE_APPEAR_WITHIN": "4",
    "BRIDGE_SWEEP": "0.2",
    "BRIDGE_POLL_FIRST": "0.2",
    "BRIDGE_POLL_LONGEST": "1",
    "BRIDGE_RETRY_FIRST": "0.2",
    "BRIDGE_RETRY_LONGEST": "1",
}
#: The processes that a certificate needs.
NEEDED = [name for name in BRIDGE if name != "worker-reconcile"]
LEARNERS = 400
#: For a busy machine; on a quiet one everything is over in a few seconds.
WITHIN = 90.0
#: A look asks the database, which the processes need, too.
LOOK_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Told:
    """A learner has completed a course, and this is the webhook that tells it."""

    course: int
    learner: int
    body: bytes
    key: Key  #: under which the vault counts the certificate


class House:
    """One installation; tests share it, each with learners of its own."""

    def __init__(self, folder: Path, database_url: str, links: Mapping[str, FaultProxy]) -> None:
        self.folder, self.links = folder, links
        self.database = Database(database_url)
        self.fleet = Fleet(folder)
        self.redis = embedded(folder / "run")
        self.vault = ScriptedVault()
        self.vault.finishes_when_told = True
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.owed = iter(enrol(folder / "campus.sqlite", LEARNERS))
        self.server = bind("127.0.0.1", 0)
        self.moodle: Moodle
        #: One for all calls, since to make it takes longer; each has a connection of its own.
        alone = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(timeout=30, trust_env=False, limits=alone)

    @property
    def hook(self) -> str:
        return self.url + HOOK

    def complete(self, count: int = 1) -> list[Told]:
        """So many learners complete a course; their webhooks wait to be delivered."""
        return [self._complete(*next(self.owed)) for _ in range(count)]

    def _complete(self, course: int, learner: int) -> Told:
        fired = completion.complete(self.moodle, course, learner)
        assert fired is not None
        day = datetime.now(UTC).date().isoformat()
        key = (f"learner{learner - 10_001}@students.example.test", TITLES[course], day)
        body = self.webhook(course, learner, objectid=fired.objectid)
        return Told(course=course, learner=learner, body=body, key=key)

    def webhook(self, course: int, learner: int, *, objectid: int) -> bytes:
        """The body of a webhook that tells of a completion."""
        return webhooks.body(
            self.moodle.settings,
            objectid=objectid,
            userid=learner,
            course=course,
            learner=learner,
            at=self.moodle.time(),
        )

    def post(self, body: bytes) -> httpx.Response:
        """Deliver once. Raises httpx.TransportError where the connection breaks."""
        kind = {"Content-Type": "application/json"}
        return self.http.post(self.hook, content=body, headers=kind)

    def deliver(self, *told: Told) -> list[int]:
        """Deliver each once, and find it taken."""
        statuses = [self.post(one.body).status_code for one in told]
        assert set(statuses) <= {200, 202}, statuses
        return statuses

    def insist(self, *told: Told) -> None:
        """Deliver as a sender does who sends again until it is answered with success."""
        for one in told:
            eventually(lambda body=one.body: self._taken(body), within=WITHIN)

    def _taken(self, body: bytes) -> bool:
        try:
            return self.post(body).is_success
        except httpx.TransportError:
            return False

    def all_is_well(self, told: Sequence[Told], *, within: float = WITHIN) -> None:
        """Each has exactly one certificate, and the gradebook names it."""
        who = {(str(one.course), str(one.learner)) for one in told}
        self.eventually(lambda: who <= self._written(), within=within)
        assert {one.key: 1 for one in told} == {k: self.vault.created[k] for k in self._keys(told)}
        names = {kept.key: kept.reference_id for kept in self.vault.kept.values()}
        cells = {one.key: self.cell(one) for one in told}
        assert cells == {k: c if names[k] in c else f"without {names[k]}" for k, c in cells.items()}

    def _keys(self, told: Sequence[Told]) -> list[Key]:
        return [one.key for one in told]

    def _written(self) -> set[tuple[str, str]]:
        """For whom the certificate is made and read back in the gradebook."""
        place = (tables.issuance.c.course_id, tables.issuance.c.learner_id)
        made = sa.select(*place).where(tables.issuance.c.state == IssuanceState.GENERATED)
        row = tables.write_back
        told = sa.select(row.c.course_id, row.c.learner_id).where(
            row.c.state == WriteBackState.READ_BACK
        )
        return self._pairs(made) & self._pairs(told)

    def _pairs(self, what: sa.Select[Any]) -> set[tuple[str, str]]:
        with self.database.read() as conn:
            return {(course, learner) for course, learner in conn.execute(what)}

    def issuance(self, one: Told) -> sa.Row[Any] | None:
        """The issuance of a completion, once there is one."""
        table = tables.issuance
        mine = (table.c.course_id == str(one.course), table.c.learner_id == str(one.learner))
        with self.database.read() as conn:
            return conn.execute(sa.select(table).where(*mine)).first()

    def state(self, one: Told) -> str | None:
        row = self.issuance(one)
        return None if row is None else str(row.state)

    def count(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
        with self.database.read() as conn:
            found = conn.execute(sa.select(sa.func.count()).select_from(table).where(*where))
            return int(found.scalar_one())

    def cell(self, one: Told) -> str:
        """What the learner's certificate cell says at the campus."""
        row = self.moodle.state.one(
            "select feedback from gradebook join assignment on assignment.id = assignment"
            " where course = ? and person = ? and maximum = 0",
            *(one.course, one.learner),
        )
        return "" if row is None else str(row["feedback"])

    def eventually(self, look: Any, *, within: float = WITHIN) -> Any:
        """As `tests.polling.eventually`, and whatever has died is started again meanwhile."""

        def tended() -> Any:
            self.fleet.tend()
            return look()

        return eventually(tended, within=within, every=LOOK_S)

    def arm(self, name: str, point: str) -> None:
        """Start a process anew that meets its fate at a point, as in `runtime.crashpoint`."""
        self.fleet.again(name, **{VARIABLE: point})
        if name == "web":
            self._ready()

    def renew(self, name: str) -> None:
        """kill -9 a process with its children, and start it anew."""
        self.fleet.again(name)
        if name == "web":
            self._ready()

    def until_it_stands_still(self, name: str) -> int:
        """Wait until a process is stopped; return its id."""
        pid = self.fleet.pid(name)
        eventually(lambda: is_stopped(pid), within=WITHIN)
        return pid

    def go_on(self, pid: int) -> None:
        os.kill(pid, signal.SIGCONT)

    def mend(self) -> None:
        """Heal every way and let everything run."""
        for link in self.links.values():
            link.heal()
        self.vault.script.clear()
        self.vault.drops = set()
        for name in self.fleet.names:
            if name not in (*NEEDED, "redis"):
                self.fleet.remove(name)
            else:
                self.fleet.resume(name)
        self.eventually(self._is_ready)

    def _ready(self) -> None:
        eventually(self._is_ready, within=WITHIN)

    def _is_ready(self) -> bool:
        try:
            return self.http.get(f"{self.url}/health/ready", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a process; it is kept running from now on."""
        self.fleet.add(name, resolve(tuple(command)), env=self.env)

    @property
    def env(self) -> dict[str, str]:
        url = self.database.engine.url
        plain = url.set(drivername="sqlite" if self.database.is_sqlite else "postgresql")
        if "database" in self.links:
            plain = plain.set(host="127.0.0.1", port=self.links["database"].port, query={})
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("BRIDGE_", "VAULT_"))},
            **QUICK,
            "BRIDGE_DATABASE_URL": plain.render_as_string(hide_password=False),
            "BRIDGE_REDIS_URL": f"redis://{self.links['redis'].address}",
            "BRIDGE_KEY_FILE": str(self.folder / "secret.key"),
            "BRIDGE_PUBLIC_URL": self.url,
            "BRIDGE_PORT": str(self.port),
            "BRIDGE_ALLOWED_PRIVATE_HOSTS": "127.0.0.1",
            "BRIDGE_CACHE_DIR": str(self.folder / "cache"),
        }


@contextmanager
def house(folder: Path, database_url: str) -> Iterator[House]:
    """Everything running and set up, in an empty folder and an empty database."""
    links: dict[str, FaultProxy] = {}
    made = House(folder, database_url, links)
    links["redis"] = FaultProxy(Path(made.redis.url.removeprefix("unix://")))
    links["vault"] = FaultProxy(f"127.0.0.1:{made.vault.port}")
    links["campus"] = FaultProxy(f"127.0.0.1:{made.server.port}")
    if not made.database.is_sqlite:
        links["database"] = FaultProxy(_socket_of(made.database.engine.url))
    with ExitStack() as stack:
        stack.enter_context(closing(made.database))
        stack.enter_context(made.http)
        stack.callback(made.vault.stop)
        for link in links.values():
            stack.enter_context(link.running())
        stack.enter_context(_campus(made))
        stack.callback(made.fleet.end)
        migrate(made.database, MIGRATIONS, backups=None)
        _set_up(made)
        made.fleet.add("redis", made.redis.command, env=made.env)
        for name in NEEDED:
            made.start(name, BRIDGE[name])
        made.eventually(made._is_ready)
        yield made


def _socket_of(url: sa.URL) -> Path:
    return Path(str(url.query["host"])) / f".s.PGSQL.{url.port or 5432}"


@contextmanager
def _campus(made: House) -> Iterator[None]:
    settings = Settings(
        wwwroot=made.links["campus"].url, ws_token=WS_TOKEN, hook_token=HOOK_TOKEN, control=True
    )
    made.moodle = Moodle(
        settings=settings,
        state=State(made.folder / "campus.sqlite"),
        now=lambda: datetime.fromtimestamp(int(time.time()), UTC),
    )
    made.server.app = create_app(made.moodle)
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()
        made.moodle.state.close()


def _set_up(made: House) -> None:
    keys = Keys.read_or_create(made.folder / "secret.key")
    now = datetime.now(UTC)
    with made.database.write() as conn:
        accounts.add_issuer(
            conn,
            "main",
            keys=keys,
            secrets={"token": TOKEN},
            now=now,
            vault_url=made.links["vault"].url,
            institution_name="Institute of the Sea",
        )
        accounts.add_site(
            conn,
            SITE,
            connector="moodle",
            settings={"base_url": made.links["campus"].url},
            secrets={"token": WS_TOKEN, "webhook_tokens": [HOOK_TOKEN]},
            keys=keys,
            now=now,
        )
        mapping_versions.add(conn, "course-completion", MAPPING, now=now)
