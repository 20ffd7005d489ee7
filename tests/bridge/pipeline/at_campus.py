"""A bridge whose one busy site is a stand-in Moodle, over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bridge.store import completions
from campus import completion, gradebook
from campus.app import create_app
from campus.moodle import Moodle, Settings
from campus.people import WATER_SAFETY
from campus.serve import running
from campus.state import State
from connectors.base import Completion, Course, Learner
from tests.bridge.world import World

TOKEN = "campus-service-token"
ADA, BOB = 7, 10


@dataclass
class Campus:
    """The Moodle, and what the bridge has of it."""

    world: World
    moodle: Moodle
    site_id: str = ""
    seen: Counter[str] = field(default_factory=Counter)

    def told(self, *learners: int, course: int = WATER_SAFETY) -> None:
        """Learners complete a course, and the bridge hears of it."""
        for learner in learners:
            completion.complete(self.moodle, course, learner)
        with self.world.bridge.database.write() as conn:
            now = self.world.bridge.database.now(conn)
            for learner in learners:
                found = Completion(
                    course=Course(id=str(course)), learner=Learner(id=str(learner)), noticed_at=now
                )
                completions.add(conn, self.site_id, found, delivery_id=None, now=now)

    def cell(self, learner: int = ADA, course: int = WATER_SAFETY) -> str:
        """What stands in the first column of a learner's gradebook."""
        return str(gradebook.cells(self.moodle, course, learner)[0]["feedback"] or "")

    def mails(self) -> dict[int, int]:
        rows = self.moodle.state.rows("select person, count(*) as n from mail group by person")
        return {row["person"]: row["n"] for row in rows}

    def calls(self) -> Counter[str]:
        """The calls of the web service since this was asked last."""
        now = Counter(self.moodle.calls)
        new, self.seen = now - self.seen, now
        return new

    def look(self) -> None:
        """Let the moment come at which what stands is looked at."""
        self.world.later(days=1.6)
        self.world.run("write_back")

    def enrol(self, count: int, *, course: int = WATER_SAFETY) -> list[int]:
        """Learners of one course who have completed it, as many as that."""
        at, first = self.moodle.time(), 1000 * course
        ids = list(range(first, first + count))
        with self.moodle.state.transaction() as db:
            db.executemany(
                "insert into person"
                " (id, username, firstname, lastname, email, idnumber, lang, country) values"
                " (?1, 'u' || ?1, 'Ada', 'L' || ?1, 'u' || ?1 || '@x.example', '', 'en', '')",
                [(one,) for one in ids],
            )
            db.executemany(
                "insert into enrolment values (?, ?, 'student', 0)", [(course, one) for one in ids]
            )
            for table in ("criterion", "completion"):
                db.executemany(
                    f"insert into {table} (course, person, completed) values (?, ?, ?)",  # noqa: S608
                    [(course, one, at) for one in ids],
                )
        return ids


@contextmanager
def campus_of(world: World, **settings_of_site: Any) -> Iterator[Campus]:
    """The campus, while it serves."""
    moodle: list[Moodle] = []
    state = State()

    def make(wwwroot: str) -> Any:
        settings = Settings(wwwroot=wwwroot, ws_token=TOKEN, control=True)
        moodle.append(Moodle(settings=settings, state=state, now=world.clock.now))
        return create_app(moodle[0])

    with running(make) as address:
        site_id = world.add_site(
            "moodle-main",
            "moodle",
            settings={"base_url": address} | settings_of_site,
            secrets={"token": TOKEN, "webhook_tokens": ["a-secret-of-webhooks"]},
        )
        yield Campus(world=world, moodle=moodle[0], site_id=site_id)
    state.close()
