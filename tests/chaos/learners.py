"""Who completes what: learners put into a campus before it starts, and the clicks that complete."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx

from campus.people import LIFESAVING, WATER_SAFETY, populate
from campus.state import State
from tests.chaos.checking import Who

#: At once at the campus; each waits for its webhook's answer.
CLICKS_AT_ONCE = 6
#: Longer than anything is ever cut off.
CLICK_S = 20.0
FIRST_ID = 10_001
GIVEN = ("Ada", "Zoë", "Nguyễn", "José", "Ольга", "Amélie", "Søren", "Ali")
FAMILY = ("Lovelace", "O'Connor", "Núñez", "Петрова", "Lefèvre-Dubois", "Ångström", "Smith")
COURSES = (WATER_SAFETY, LIFESAVING)


def enrol(file: Path, count: int) -> list[Who]:
    """Put so many learners into a campus's database; return who will complete which course.

    Every second learner completes both courses.
    """
    state = State(file)
    populate(state)
    owed: list[Who] = []
    with state.transaction() as connection:
        for number in range(count):
            learner = FIRST_ID + number
            given, family = GIVEN[number % len(GIVEN)], FAMILY[number % len(FAMILY)]
            connection.execute(
                "insert into person (id, username, firstname, lastname, email, idnumber, lang,"
                " country) values (?, ?, ?, ?, ?, ?, 'en', '')",
                (
                    learner,
                    f"learner{number}",
                    given,
                    f"{family} {number}",
                    f"learner{number}@students.example.test",
                    f"S{number}",
                ),
            )
            for course in COURSES:
                connection.execute(
                    "insert into enrolment values (?, ?, 'student', 0)", (course, learner)
                )
    state.close()
    for number in range(count):
        both = number % 2 == 0
        chosen = COURSES if both else (COURSES[number // 2 % 2],)
        owed += [(course, FIRST_ID + number) for course in chosen]
    return owed[:count]


class Clicks:
    """Completes courses at a campus that may be killed at any moment, until each is completed."""

    def __init__(self, url: str, owed: Sequence[Who], *, per_second: float, seed: int) -> None:
        self._url = url
        self._waiting = list(owed)
        random.Random(seed).shuffle(self._waiting)  # noqa: S311  # not for secrets
        self._pause = 1 / per_second
        self._pool = ThreadPoolExecutor(CLICKS_AT_ONCE)
        self._running: set[Future[None]] = set()
        self._lock = threading.Lock()
        self._next = 0.0

    @property
    def left(self) -> int:
        """How many completions are still to be made."""
        return len(self._waiting) + len(self._running)

    def click(self, now: float) -> None:
        """Make those whose time has come. To be called often."""
        self._running = {future for future in self._running if not future.done()}
        while self._waiting and now >= self._next and len(self._running) < CLICKS_AT_ONCE:
            self._next = max(self._next + self._pause, now - 1.0)
            self._running.add(self._pool.submit(self._complete, self._waiting.pop()))

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    def _complete(self, who: Who) -> None:
        course, learner = who
        order = {"action": "complete", "course": course, "learner": learner}
        for _ in self._until_the_end():
            with suppress(httpx.HTTPError):
                answer = httpx.post(
                    f"{self._url}/campus/control", json=order, timeout=CLICK_S, trust_env=False
                )
                if answer.status_code == 200:
                    return

    def _until_the_end(self) -> Iterator[None]:
        """Again and again, with a breath between."""
        while True:
            yield
            threading.Event().wait(0.3)
