"""Support staff find a group of failures in a browser, see the repair, and replay it."""
# fixtures are imported, and asked for by their names

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from bridge.people.roles import Role
from bridge.store import tables
from tests.bridge.console.conftest import CHROMIUM, LAPTOP, PHONE, add_person
from tests.bridge.console.test_in_a_browser import _faults, keep_picture, sign_in
from tests.bridge.world import SITE, World

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt install chromium")
NAMELESS = "complete.missing.full_name"


@pytest.fixture
def kind() -> str:
    """The pages are the same on either database."""
    return "sqlite"


@pytest.fixture
def nameless(world: World) -> World:
    """Some certificates are made; four are held for a mapping's mistake, which is mended."""
    for who in ("grace", "edith"):
        world.generate(who)
    world.add_mapping(("{{ learner.full_name }}", "{{ learner.custom.nickname }}"))
    for who in ("ada", "bob", "eve", "ivy"):
        world.complete(who)
    world.run("normalise")
    world.add_mapping()
    return world


def test_support_staff_find_a_group_see_its_repair_and_replay_it(
    nameless: World,
    url: str,
    page: Page,
) -> None:
    add_person(nameless, "sue@staff.example", Role.SUPPORT)
    sign_in(page, url, "sue@staff.example")
    page.get_by_role("link", name=NAMELESS).first.click()
    page.get_by_role("link", name="See what a replay would do").click()
    page.get_by_text("would be issued").first.wait_for()
    keep_picture(page, "repair")
    looked = {"repair": _faults(page)}
    page.get_by_label("Why, for the history").fill("The mapping is mended")
    page.get_by_role("button", name="Replay all 4").click()
    page.get_by_text("this page may be closed").wait_for()
    keep_picture(page, "replay")

    nameless.run("reconcile", "normalise", "issue")  # a worker's part, while the page is open

    page.locator(".state-done").wait_for()  # without a reload
    page.get_by_text("The mapping is mended").wait_for()
    page.get_by_text("4 set going again").wait_for()
    looked["replay"] = _faults(page)
    states = [r.state for r in nameless.rows(tables.issuance) if r.learner_id in ("ada", "ivy")]
    assert {"processing", "sending"} >= set(states)
    nameless.reconcile(site=SITE)
    [run] = nameless.rows(tables.reconcile_run)
    for name, path in (
        ("replays", "/replays"),
        ("reconciliation", "/reconciliation"),
        ("reconciliation-run", f"/reconciliation/runs/{run.id}"),
        ("differences", "/reconciliation/differences"),
        ("queue", "/queue"),
        ("overview", "/"),
    ):
        page.goto(url + path)
        looked[name] = _faults(page)
        keep_picture(page, name)
        page.set_viewport_size(PHONE)
        wide = page.evaluate("document.documentElement.scrollWidth")
        page.set_viewport_size(LAPTOP)

        assert wide <= PHONE["width"], name
    assert {name: [] for name in looked} == looked
