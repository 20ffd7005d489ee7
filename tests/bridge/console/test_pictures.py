"""The ten pages that the docs show, of a month at a small academy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from PIL import Image
from playwright.sync_api import Page

from bridge.people.roles import NO_LIMITS, Limits, Role
from bridge.processes import LIVING
from bridge.store import tables
from bridge.store.states import MappingState
from runtime import heartbeat
from tests.bridge.console.conftest import CHROMIUM, add_person
from tests.bridge.console.test_in_a_browser import sign_in
from tests.bridge.world import SITE, World

#: Where scripts.console_pictures wants them; a test's own folder otherwise.
FOLDER = os.environ.get("CONSOLE_PICTURES")

SCREENS = {"laptop": (1280, 800), "phone": (390, 844)}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt install chromium")

COURSES = (
    {"id": "42", "code": "BIO-1", "title": "Marine Biology"},
    {"id": "57", "code": "LIFE-2", "title": "Lifesaving II"},
    {"id": "61", "code": "SAFE-1", "title": "Water Safety & Rescue – Basics"},
)
LEARNERS = (
    "Emma Johnson", "محمد علي", "Nguyễn Thị Minh Khai", "Zoë Müller", "Καλλιόπη Παππά",
    "Olena Koval",
    "José Núñez", "अदिति शर्मा", "Aoife O'Brien", "Иван Петров", "Chloé Lefèvre", "Noah Williams",
    "Amal Haddad", "Sofia Rossi", "Mateusz Żak", "Fatima Zahra", "Liam Smith", "Ingrid Åberg",
)  # fmt: skip
STAFF = (
    ("ada", Role.ADMIN, NO_LIMITS),
    ("sue", Role.SUPPORT, NO_LIMITS),
    ("mary", Role.ADMIN, Limits(sites=frozenset({SITE}))),
    ("joan", Role.VIEWER, Limits(courses=frozenset({f"{SITE}/42"}))),
)
DAYS = 30
#: How many complete a course on one day after the other.
A_DAY = (1, 2, 0, 3, 2, 1, 0, 2, 4)


@pytest.fixture
def kind() -> str:
    """The pages are the same on either database."""
    return "sqlite"


@pytest.fixture
def academy(world: World, redis_url: str) -> Iterator[World]:
    """Thirty days of completions, and a few that a person must see to; everything runs."""
    object.__setattr__(world.bridge.settings, "redis_url", redis_url)
    number = 0
    start = world.clock.moment
    world.clock.moment = start - timedelta(days=DAYS)
    for day in range(DAYS):
        for _ in range(A_DAY[day % len(A_DAY)]):
            number += 1
            _complete(world, number, COURSES[number % len(COURSES)])
        world.run("normalise", "issue")
        world.vault.finish()
        world.later()
        world.run("follow", "write_back")
        world.later(hours=23, minutes=57)
    world.clock.moment = start
    for number in range(900, 903):
        _complete(world, number, COURSES[1], email=None)
    world.run("normalise")
    _complete(world, 910, COURSES[0])
    world.run("normalise", "issue")
    world.run("write_back")
    _complete(world, 911, COURSES[2])
    world.reconcile(who="sue@staff.example")
    world.add_mapping(
        ("name: course-completion", "name: lifesaving-with-honours"),
        ('course: "*"', 'course: "LIFE-*"'),
        state=MappingState.DRAFT,
    )
    with ExitStack() as beating:
        for name in LIVING:
            heart = heartbeat.beating(world.bridge.database, tables.process, name)
            beating.enter_context(heart)
        yield world


def _complete(world: World, number: int, course: dict[str, str], **learner: str | None) -> None:
    name = LEARNERS[number % len(LEARNERS)]
    told = {"id": str(number), "full_name": name, "email": f"learner{number}@learners.example"}
    world.complete(str(number), course=course, learner={**told, **learner})


def test_ten_pages_are_shown_on_laptop_and_phone(
    academy: World, url: str, page: Page, tmp_path: Path
) -> None:
    for name, role, limits in STAFF:
        add_person(academy, f"{name}@staff.example", role, limits)
    sign_in(page, url, "ada@staff.example")
    course = urlencode({"site": SITE, "course": "42"})
    generated = next(row for row in academy.rows(tables.issuance) if row.state == "generated")
    missing = next(row.cause for row in academy.rows(tables.issuance) if row.state == "held")
    keep = _keeper(page, url, Path(FOLDER or tmp_path))

    keep("overview", "/")
    keep("class", f"/class?{course}")
    keep("issuances", "/issuances")
    keep("issuance", f"/issuances/{generated.id}")
    keep("failure", f"/failures/{missing}")
    keep("mapping-editor", "/mapping-editor?name=course-completion")
    keep("template", "/templates/classic")
    keep("site", f"/sites/{SITE}")
    keep("reconciliation", "/reconciliation")
    keep("audit", "/audit")

    for screen, size in SCREENS.items():
        with Image.open(Path(FOLDER or tmp_path) / f"audit-{screen}.png") as picture:
            assert size == picture.size


def _keeper(page: Page, url: str, folder: Path) -> Callable[[str, str], None]:
    def keep(name: str, path: str) -> None:
        answer = page.goto(url + path)
        assert answer is not None
        assert 200 == answer.status, path
        for screen, size in SCREENS.items():
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.wait_for_load_state("networkidle")
            whole = (name, screen) == ("overview", "laptop")
            page.screenshot(path=folder / f"{name}-{screen}.png", full_page=whole)

    return keep
