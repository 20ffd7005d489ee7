"""An admin connects the campus, in a real browser: the stand-in Moodle answers for real."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from bridge.people.roles import Role
from bridge.store import tables
from campus import completion
from campus.app import create_app
from campus.capabilities import MINIMAL_ROLE
from campus.moodle import Moodle, Settings
from campus.people import WATER_SAFETY
from campus.serve import running
from campus.state import State
from tests.bridge.console.conftest import CHROMIUM, PHONE, add_person
from tests.bridge.console.test_in_a_browser import _faults, keep_picture, kind, sign_in
from tests.bridge.world import NOON, World

#: pytest finds fixtures by their names here.
__all__ = ["kind"]
TOKEN = "0123456789abcdef0123456789abcdef"
LEARNER = 7

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt install chromium")


@dataclass
class Campus:
    """The stand-in Moodle, and where it is."""

    moodle: Moodle
    address: str


@pytest.fixture
def campus() -> Iterator[Campus]:
    """A campus that has no webhook yet, and whose service user lacks a right."""
    made: list[Moodle] = []

    def make(address: str) -> Flask:
        settings = Settings(wwwroot=address, ws_token=TOKEN)
        made.append(Moodle(settings=settings, state=State(), now=lambda: NOON))
        return create_app(made[0])

    with running(make) as address:
        made[0].switches.capabilities = MINIMAL_ROLE - {"gradereport/user:view"}
        yield Campus(made[0], address)
    made[0].state.close()


def looked_at(page: Page, name: str) -> list[str]:
    """The page's faults for people who do not see it, or on a phone."""
    found = _faults(page)
    keep_picture(page, name)
    size = page.viewport_size
    page.set_viewport_size(PHONE)
    if page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
        found.append(f"{name} is too wide for a phone")
    assert size
    page.set_viewport_size(size)
    return found


def test_an_admin_connects_the_campus(world: World, url: str, page: Page, campus: Campus) -> None:
    add_person(world, "ada@staff.example", Role.ADMIN)
    faults: list[str] = []
    sign_in(page, url, "ada@staff.example")
    page.get_by_role("link", name="Sites", exact=True).click()
    faults += looked_at(page, "sites")
    page.get_by_role("link", name="Connect an LMS").click()
    faults += looked_at(page, "connect")
    page.get_by_role("link", name="moodle").click()

    page.get_by_label("Name of the site").fill("campus")
    page.get_by_label("Moodle’s address").fill("campus")
    page.get_by_label("Web service token").fill(TOKEN)
    page.get_by_role("button", name="Add the site").click()
    expect(page.get_by_text("Give an address such as")).to_be_visible()
    expect(page.get_by_label("Name of the site")).to_have_value("campus")
    faults += looked_at(page, "connect-moodle")
    page.get_by_label("Moodle’s address").fill(campus.address)
    page.get_by_label("Web service token").fill(TOKEN)
    page.get_by_role("button", name="Add the site").click()

    hook, secret = page.locator("code.copy").all_inner_texts()
    faults += looked_at(page, "connected")
    assert hook.endswith("/hooks/moodle/campus")
    page.get_by_role("button", name="Check every permission").click()
    expect(page.get_by_text("1 missing. Grant them")).to_be_visible(timeout=30_000)
    missing = page.locator("li.missing")
    expect(missing).to_contain_text("grades")
    expect(missing).to_contain_text("gradereport/user:view")
    faults += looked_at(page, "site-check")

    campus.moodle.switches.capabilities = MINIMAL_ROLE
    page.get_by_role("button", name="Check the connection").click()
    expect(page.get_by_text("All there.")).to_be_visible(timeout=30_000)

    # The admin has entered hook and secret at the campus; a learner completes a course.
    campus.moodle.switches.hook_url = url.replace("/console", "/hooks/moodle/campus")
    campus.moodle.switches.hook_token = secret
    expect(page.get_by_text("Nothing has arrived yet.")).to_be_visible()
    fired = completion.complete(campus.moodle, WATER_SAFETY, LEARNER)
    assert fired
    expect(page.locator("tr[data-id]")).to_have_count(1, timeout=30_000)
    faults += looked_at(page, "site")

    page.get_by_role("link", name="Try a completion").click()
    world.run("normalise")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("It wants it, and would issue.")).to_be_visible(timeout=30_000)
    faults += looked_at(page, "try")
    page.go_back()
    page.get_by_role("link", name="campus").click()
    page.locator("tr[data-id] a").click()
    expect(page.get_by_role("heading", name="Delivery")).to_be_visible()
    expect(page.get_by_text("course_completed")).to_be_visible()
    assert secret not in page.content()
    faults += looked_at(page, "delivery")
    assert 1 == len(world.rows(tables.completion))

    for name, path in (
        ("site-settings", "/sites/campus/settings"),
        ("site-secrets", "/sites/campus/secrets"),
        ("site-remove", "/sites/campus/remove"),
        ("issuers", "/issuers"),
        ("issuer", "/issuers/main"),
        ("issuer-add", "/add/issuer"),
        ("issuer-settings", "/issuers/main/settings"),
        ("issuer-secrets", "/issuers/main/secrets"),
    ):
        page.goto(url + path)
        faults += looked_at(page, name)

    assert not faults, "\n".join(faults)
