"""What stands around a bridge that dies: a campus, a vault, a mail server, and what they saw.

All of it lives on in the test's process, and is the oracle: what the bridge did to the world.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bridge.store import accounts, mapping_versions, owners, tables
from bridge.store.states import MappingState
from campus import completion, webhooks
from campus.app import create_app
from campus.functions import customcert
from campus.moodle import Moodle, Settings
from campus.people import FIRST_AID, IDNUMBER, LIFESAVING, WATER_SAFETY
from campus.serve import address, bind
from campus.state import State
from runtime.database import Database
from runtime.keys import Keys
from tests.bridge.emptying import empty
from tests.bridge.institution import KEY
from tests.bridge.settling import still_due
from tests.bridge.world import NOON
from tests.faults.lives import Life, Lives
from tests.mail_server import MailServer, mail_server
from tests.scripted_vault import TOKEN, ScriptedVault

SITE = "moodle-main"
HOOK = f"/hooks/moodle/{SITE}"
HOOK_TOKEN = "a-secret-of-the-webhook"
WEBHOOK_SECRET = "a-secret-of-the-vault"
WS_TOKEN = "0123456789abcdef"
MAPPING = """\
mapping: 1
name: course-completion
issuer: main
site: moodle-main
match: {course: "*"}
entry:
  certificate_title: "Certificate of Completion: {{ course.title }}"
  full_name: "{{ learner.full_name }}"
  applicant_email: "{{ learner.email }}"
  issue_date: "{{ completed_at | local_date: 'UTC' }}"
"""
TITLES = {
    WATER_SAFETY: "Certificate of Completion: Water Safety & Rescue – Basics",
    LIFESAVING: "Certificate of Completion: Lifesaving II",
    FIRST_AID: "Certificate of Completion: First Aid (no place for certificates)",
}
DAY = NOON.date().isoformat()
#: Whatever waits for a time of its own has had it by then.
A_WHILE = timedelta(hours=48)


@dataclass
class Stage:
    """One run's surroundings; `new` makes the next run's."""

    lives: Lives
    folder: Path  #: for what is handed to commands
    databases: Mapping[str, Database]
    moodle: Moodle
    server: Any
    mail: MailServer
    vault: ScriptedVault
    kind: str = "sqlite"
    deliveries: dict[str, str] = field(default_factory=dict)
    learners: dict[str, tuple[int, int]] = field(default_factory=dict)
    mails: list[str] = field(default_factory=list)
    vault_tells: bool = False  #: what becomes of certificates, by webhook
    retold: Counter[int] = field(default_factory=Counter)  #: to whom a gradebook says something new
    owners: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)  #: what a person types, in each life
    moment: datetime = NOON
    lived: int = 0

    @property
    def database(self) -> Database:
        return self.databases[self.kind]

    def new(self, kind: str) -> Stage:
        """Everything as on the first day, the bridge set up in its database of this kind."""
        self.vault.stop()
        self.moodle.state.close()
        self.moodle = Moodle(settings=self.moodle.settings, state=State(), now=lambda: NOON)
        self.server.app = create_app(self.moodle)
        self.mail.raw.clear()
        empty(self.databases[kind])
        fresh = Stage(
            lives=self.lives,
            folder=self.folder,
            databases=self.databases,
            moodle=self.moodle,
            server=self.server,
            mail=self.mail,
            vault=ScriptedVault(),
            kind=kind,
        )
        fresh.vault.finishes_when_told = True
        fresh.vault.finds_duplicates = False  # what is not made twice is so by our own doing
        fresh._set_up()
        return fresh

    def _set_up(self) -> None:
        keys = Keys([KEY])
        with self.database.write() as conn:
            accounts.add_issuer(
                conn,
                "main",
                keys=keys,
                secrets={"token": TOKEN, "webhook_secret": WEBHOOK_SECRET},
                now=NOON,
                vault_url=self.vault.url,
                institution_name="Institute of the Sea",
            )
            accounts.add_site(
                conn,
                SITE,
                connector="moodle",
                settings={"base_url": self.moodle.settings.wwwroot},
                secrets={"token": WS_TOKEN, "webhook_tokens": [HOOK_TOKEN]},
                keys=keys,
                now=NOON,
            )
        self.map_by(MAPPING)

    def map_by(self, mapping: str, state: MappingState = MappingState.PUBLISHED) -> None:
        """Make a mapping the active one, or rehearse it."""
        with self.database.write() as conn:
            mapping_versions.add(conn, "course-completion", mapping, now=self.moment, state=state)

    def complete(self, course: int, learner: int) -> str:
        """A learner completes a course; the webhook waits to be delivered. Returns its name."""
        silent = replace(self.moodle, settings=replace(self.moodle.settings, hook_url=None))
        fired = completion.complete(silent, course, learner)
        assert fired is not None
        name = f"{course}:{learner}"
        self.learners[name] = (course, learner)
        self.deliveries[name] = webhooks.body(
            self.moodle.settings,
            objectid=fired.objectid,
            userid=learner,
            course=course,
            learner=learner,
            at=int(NOON.timestamp()),
        ).decode()
        return name

    def reconcile_in(self, wait: timedelta) -> None:
        """Have the site compared with everything around it, once, and what is lost mended."""
        self.set_site(completions_report_id="2")
        with self.database.write() as conn:
            site = accounts.site_named(conn, SITE)
            accounts.change(conn, site.id, kind="site", auto_mend=True, next_run_at=NOON + wait)

    def make_files(self, course: int, *learners: int) -> None:
        """Let the course have a certificate of Moodle's own, which these have opened."""
        number = self.moodle.state.write(
            "insert into customcert (course, name) values (?, 'Certificate')", course
        )
        for learner in learners:
            customcert.open_it(self.moodle, number, learner)

    def set_site(self, **settings: str) -> None:
        """Have the site's connector know this, too."""
        with self.database.write() as conn:
            site = accounts.site_named(conn, SITE)
            accounts.change(conn, site.id, kind="site", settings={**site.settings, **settings})

    def misremember(self, token: str) -> None:
        """Have the bridge come to the LMS with this token."""
        keys = Keys([KEY])
        with self.database.write() as conn:
            site = accounts.site_named(conn, SITE)
            known = accounts.secrets_of(site, kind="site", keys=keys)
            accounts.set_secrets(
                conn, site, kind="site", keys=keys, secrets={**known, "token": token}
            )

    def secret(self, name: str, value: str) -> str:
        """A secret as it is named on the command line."""
        file = self.folder / name
        file.write_text(value)
        return f"{name}=@{file}"

    def own(self, address: str) -> None:
        """Somebody is to be told of the site's troubles."""
        self.owners.append(address)
        with self.database.write() as conn:
            row = accounts.site_named(conn, SITE)
            owners.change(conn, row, self.owners, kind="site", keys=Keys([KEY]))

    def live(
        self,
        *,
        crash: str | None = None,
        warm: bool = False,
        redis: str | None = None,
        patience: timedelta = A_WHILE,
    ) -> Life:
        """One life of the bridge, in which everything is delivered (again).

        Then everything that has a time of its own within its ``patience`` comes to it.

        With a ``redis`` it works as a worker does, that can be told to end.
        """
        self.lived += 1
        order = {
            "kind": self.kind,
            "moment": self.moment.isoformat(),
            "hook": HOOK,
            "deliveries": self.deliveries,
            "mails": self.mails,
            "vault_tells": WEBHOOK_SECRET if self.vault_tells else None,
            "owner": f"life-{self.lived}",
            "settings": {
                "mail_server": self.mail.url,
                "mail_from": "c@example.edu",
                "tell_again": "31536000",  # or it depends on how long the others take
                "appear_within": "20",  # or every death on the way to it costs a hundred more
                "reconcile": "31000000",
            },
            "warm": warm,
            "redis": redis,
            "patience_s": patience.total_seconds(),
            "command": self.command,
        }
        life = self.lives.live(order, crash=crash)
        self.moment = datetime.fromisoformat(life.last("moment", self.moment.isoformat()))
        return life

    def acked(self, life: Life) -> set[str]:
        """The deliveries that were answered with success."""
        return {one["delivered"] for one in life.told if "delivered" in one and one["status"] < 300}

    def rows(self, table: sa.Table) -> list[sa.Row[Any]]:
        with self.database.read() as conn:
            return list(conn.execute(sa.select(table).order_by(*table.primary_key)).all())

    def states(self, table: sa.Table) -> Counter[str]:
        return Counter(row.state for row in self.rows(table))

    def issued(self) -> Counter[tuple[str, str, str | None]]:
        """How often the vault has made each certificate."""
        return self.vault.created

    def owed(self) -> Counter[tuple[str, str, str | None]]:
        """What the vault should have made: one for each completed course."""
        return Counter(
            (self.email(learner), TITLES[course], DAY) for course, learner in self.learners.values()
        )

    def email(self, learner: int) -> str:
        row = self.moodle.state.one("select email from person where id = ?", learner)
        assert row is not None
        return str(row["email"]).casefold()

    def gradebook(self) -> dict[str, str]:
        """The certificate's cell of each learner who completed, by the delivery's name."""
        return {
            name: self._cell(course, learner) for name, (course, learner) in self.learners.items()
        }

    def _cell(self, course: int, learner: int) -> str:
        row = self.moodle.state.one(
            "select feedback from gradebook join assignment on assignment.id = assignment"
            " where course = ? and person = ? and maximum = 0",
            *(course, learner),
        )
        return "" if row is None else str(row["feedback"])

    def references(self) -> dict[str, str]:
        """The reference id of each learner's certificate, by the delivery's name."""
        kept = {(k.email.casefold(), k.title): k.reference_id for k in self.vault.kept.values()}
        return {
            name: kept.get((self.email(learner), TITLES[course]), "nothing kept")
            for name, (course, learner) in self.learners.items()
        }

    def words(self) -> dict[str, str]:
        """How each learner's certificate must be called, by the delivery's name."""
        void = {
            (k.email.casefold(), k.title) for k in self.vault.kept.values() if k.status == "revoked"
        }
        return {
            name: "Withdrawn" if (self.email(learner), TITLES[course]) in void else "Issued"
            for name, (course, learner) in self.learners.items()
        }

    def mails_owed(self) -> Counter[int]:
        """How often the LMS should have mailed each learner."""
        return Counter(learner for _, learner in self.learners.values()) + self.retold

    def mails_by_moodle(self) -> Counter[int]:
        """How often the LMS has mailed each learner that there is feedback."""
        return Counter(row["person"] for row in self.moodle.state.rows("select * from mail"))

    def places(self) -> Counter[int]:
        """How many places for certificates the LMS has in each course that was completed."""
        courses = {course for course, _ in self.learners.values()}
        rows = self.moodle.state.rows("select course from assignment where idnumber = ?", IDNUMBER)
        return Counter(row["course"] for row in rows if row["course"] in courses)

    def by_hand(self) -> Counter[str]:
        """How often each row was set going again, dismissed or decided about by a person."""
        done = ("replayed", "dismissed", "released", "discarded")
        return Counter(row.subject for row in self.rows(tables.event) if row.what in done)

    def left_over(self) -> list[str]:
        """The tables of the bridge in which something is still to do."""
        return still_due(self.database, self.moment)


@contextmanager
def stage(lives: Lives, databases: Mapping[str, Database], folder: Path) -> Iterator[Stage]:
    """The surroundings of many runs, one after the other."""
    server = bind("127.0.0.1", 0)
    settings = Settings(
        wwwroot=address(server), ws_token=WS_TOKEN, hook_token=HOOK_TOKEN, control=True
    )
    moodle = Moodle(settings=settings, state=State(), now=lambda: NOON)
    server.app = create_app(moodle)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    with mail_server() as mail:
        made = Stage(
            lives=lives,
            folder=folder,
            databases=databases,
            moodle=moodle,
            server=server,
            mail=mail,
            vault=ScriptedVault(),
        )
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
