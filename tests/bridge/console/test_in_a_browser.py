"""The console in a real browser: what people do there, and that nobody is shut out by the pages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from bridge.people import entering
from bridge.people.roles import Role
from bridge.store import tables
from tests.bridge.console.conftest import CHROMIUM, LAPTOP, PASSWORD, PHONE, add_person
from tests.bridge.pipeline.at_campus import ADA, BOB, campus_of
from tests.bridge.world import SITE, World

#: Where the pictures are kept that the docs show; set by scripts.console_pictures alone.
PICTURES = os.environ.get("CONSOLE_PICTURES")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt install chromium")


@pytest.fixture
def kind() -> str:
    """The pages are the same on either database."""
    return "sqlite"


def sign_in(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/**")


def keep_picture(page: Page, name: str) -> None:
    if PICTURES:
        for kind, size in (("laptop", LAPTOP), ("phone", PHONE)):
            page.set_viewport_size(size)
            page.screenshot(path=Path(PICTURES) / f"{name}-{kind}.png", full_page=kind == "phone")
        page.set_viewport_size(LAPTOP)


@pytest.fixture
def busy(world: World) -> World:
    """Certificates in every state that matters."""
    for who in ("ada", "grace", "edith"):
        world.generate(who)
    world.issue("joan")
    world.complete("mary", learner={"email": None})
    world.complete("annie")
    world.run("normalise")
    [annie] = [row for row in world.rows(tables.issuance) if row.learner_id == "annie"]
    world.hold(annie.id)
    return world


def test_the_first_admin_comes_in_invites_support_and_they_replay(
    busy: World, url: str, page: Page, chromium: Chromium
) -> None:
    link = entering.first_link(busy.bridge, who="test")
    assert link
    page.goto(url + link.partition("/console")[2])
    keep_picture(page, "first-admin")
    page.get_by_label("Your name").fill("Ada King")
    page.get_by_label("E-mail address").fill("ada@staff.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Keep it and sign in").click()
    page.get_by_role("heading", name="Overview").wait_for()

    page.get_by_role("link", name="People").click()
    page.get_by_label("Name").fill("Sue Port")
    page.get_by_label("E-mail address").fill("sue@staff.example")
    page.get_by_label("Role").select_option("support")
    page.get_by_role("button", name="Make a link").click()
    given = page.locator("code.copy").inner_text()
    keep_picture(page, "people")

    other = chromium.new_context().new_page()
    other.goto(url + given.partition("/console")[2])
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_label("The same again").fill(PASSWORD)
    other.get_by_role("button", name="Keep it and sign in").click()
    other.get_by_role("link", name="Issuances").click()
    other.get_by_label("State").select_option("held")
    other.get_by_role("button", name="Find").click()
    other.get_by_role("link", name="Annie Lovelace").click()
    other.get_by_role("button", name="Replay").click()
    other.get_by_text("sue@staff.example").first.wait_for()
    busy.run("normalise", "issue")
    [annie] = [row for row in busy.rows(tables.issuance) if row.learner_id == "annie"]
    assert "processing" == annie.state
    other.context.close()


def test_no_page_has_a_serious_fault_for_people_who_do_not_see_it(
    busy: World, url: str, page: Page
) -> None:
    add_person(busy, "ada@staff.example", Role.ADMIN)
    page.goto(f"{url}/sign-in")
    looked = {"sign-in": _faults(page)}
    keep_picture(page, "sign-in")
    sign_in(page, url, "ada@staff.example")
    ada = busy.rows(tables.issuance)[0]
    named = (
        ("overview", "/"),
        ("issuances", "/issuances"),
        ("issuance", f"/issuances/{ada.id}"),
        ("correct", f"/issuances/{ada.id}/correct"),
        ("courses", "/courses"),
        ("class", f"/class?site={SITE}&course=42"),
        ("failures", "/failures"),
        ("failure", "/failures/issue.bug.Fault"),
        ("people", "/people"),
        ("person", f"/people/{busy.rows(tables.person)[0].id}"),
        ("account", "/account"),
        ("audit", "/audit"),
        ("learner-data", "/learner-data"),
        ("dossier", f"/issuances/{ada.id}/dossier"),
        ("mappings", "/mappings"),
        ("mapping", "/mappings/course-completion"),
        ("mapping-editor", "/mapping-editor?name=course-completion"),
        ("mapping-yaml", "/mapping-editor?name=course-completion&view=yaml"),
        ("backtest", "/mappings/course-completion/backtest"),
        ("holds", "/holds"),
        ("templates", "/templates"),
        ("template", "/templates/classic"),
        ("tokens", "/tokens"),
    )
    for name, path in [*named, *_others(busy, page, url, [path for _, path in named])]:
        page.goto(url + path)
        looked[name] = _faults(page)
        keep_picture(page, name)
        page.set_viewport_size(PHONE)
        wide = page.evaluate("document.documentElement.scrollWidth")
        page.set_viewport_size(LAPTOP)

        assert wide <= PHONE["width"], name
        assert 1 == page.locator("h1").count(), name

    page.goto(f"{url}/learner-data")
    page.fill("#email", "ada@learners.example")
    page.get_by_role("button", name="Find").click()
    page.locator("details.erase summary").click()
    looked["learner-found"] = _faults(page)
    keep_picture(page, "learner-found")

    assert {name: [] for name in looked} == looked


def _others(world: World, page: Page, url: str, known: list[str]) -> Iterator[tuple[str, str]]:
    """Every other page that needs no more than its address."""
    for rule in world.app.url_map.iter_rules():
        path = rule.rule.removeprefix("/console")
        if not rule.endpoint.startswith("console.") or rule.arguments or path in known:
            continue
        if "GET" in (rule.methods or ()) and path != "/sign-in":
            answer = page.request.get(url + path, max_redirects=0)
            if answer.ok and answer.headers["content-type"].startswith("text/html"):
                yield rule.endpoint.removeprefix("console."), path


def _faults(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def test_a_keyboard_and_a_phone_lead_everywhere(busy: World, url: str, page: Page) -> None:
    add_person(busy, "ada@staff.example", Role.ADMIN)
    sign_in(page, url, "ada@staff.example")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "main" == page.evaluate("document.activeElement.id"), "past the menu in two keys"

    page.set_viewport_size(PHONE)
    people = page.get_by_role("link", name="People")
    assert not people.is_visible()
    page.get_by_role("link", name="Menu", exact=True).click()
    keep_picture(page, "menu")
    page.set_viewport_size(PHONE)
    people.click()
    page.get_by_role("heading", name="People", exact=True).wait_for()
    assert not people.is_visible(), "the menu closes behind one"


def test_moments_are_told_in_the_readers_zone(busy: World, url: str, page: Page) -> None:
    add_person(busy, "ada@staff.example", Role.VIEWER)
    sign_in(page, url, "ada@staff.example")

    page.goto(f"{url}/issuances")

    # Made at noon in UTC, read in Dubai.
    assert "16:0" in page.locator("tbody time").last.inner_text()


def test_rows_come_and_change_while_somebody_looks(world: World, url: str, page: Page) -> None:
    add_person(world, "ada@staff.example", Role.VIEWER)
    world.complete("joan")
    world.run("normalise")
    sign_in(page, url, "ada@staff.example")
    page.goto(f"{url}/issuances")
    expect(page.locator("tbody tr")).to_have_count(1)

    world.issue("grace")

    expect(page.locator("tbody tr .state")).to_have_text(["processing"] * 2, timeout=15_000)
    assert ["Grace Lovelace", "Joan Lovelace"] == page.locator("tbody a").all_inner_texts()


def test_an_admin_writes_a_mapping_rehearses_backtests_and_publishes_it(
    world: World, url: str, page: Page
) -> None:
    add_person(world, "ada@staff.example", Role.ADMIN)
    with campus_of(world) as campus:
        campus.told(ADA)
        world.run("normalise")
        sign_in(page, url, "ada@staff.example")
        _write_a_mapping(page)
        page.get_by_role("button", name="Save as draft").click()
        page.get_by_role("heading", name="Draft 1").wait_for()

        page.get_by_role("link", name="Backtest it first").click()
        page.get_by_role("button", name="Run it").click()
        page.get_by_text("Diploma: ").first.wait_for()
        keep_picture(page, "backtested")
        page.get_by_role("link", name="water-safety").click()

        page.get_by_role("button", name="Rehearse").click()
        page.get_by_text("is being rehearsed").wait_for()
        campus.told(BOB)
        world.run("normalise")
        page.reload()
        page.get_by_role("link", name="Look at them").click()
        page.get_by_role("heading", name="One certificate waits").wait_for()
        keep_picture(page, "hold")
        assert [] == _faults(page)
        page.get_by_role("button", name="Release all 1").click()
        page.get_by_text("1 were released").wait_for()

        page.goto(f"{url}/mappings/water-safety")
        keep_picture(page, "mapping-rehearsed")
        page.get_by_placeholder("Why, for the history").first.fill("Bob's was as it should be")
        page.get_by_role("button", name="Publish version 1").click()
        page.get_by_text("Version 1 issues").wait_for()
        world.run("normalise", "issue")
    [bob] = [row for row in world.rows(tables.issuance) if row.learner_id == str(BOB)]
    assert ("water-safety", 1, "processing") == (bob.mapping_name, bob.mapping_version, bob.state)
    assert "published" in {row.state for row in world.rows(tables.mapping_version)}


def _write_a_mapping(page: Page) -> None:
    """In the form, with a value inserted, and a last word in the YAML."""
    page.get_by_role("link", name="Mappings").click()
    page.get_by_role("link", name="New mapping").click()
    page.get_by_label("Name", exact=True).fill("water-safety")
    page.get_by_label("any site").uncheck()
    page.get_by_label("moodle-main").check()
    page.get_by_label("Priority").fill("10")
    title = page.get_by_label("Title", exact=True)
    title.fill("Diploma: ")
    page.locator(".insert[data-insert='course.title']").click()
    made = page.locator("[data-made='entry.certificate_title']")
    expect(made).to_have_text(re.compile("Diploma: .*Water"))
    picture = page.locator("img.certificate")
    expect(picture).to_be_visible()
    before = picture.get_attribute("src")
    title.press_sequentially("!")
    expect(picture).not_to_have_attribute("src", before or "")
    keep_picture(page, "mapping-written")

    page.get_by_role("button", name="YAML").click()
    document = page.get_by_label("Document")
    written = document.input_value()
    assert 'certificate_title: "Diploma: {{ course.title }}!"' in written
    assert "site: moodle-main" in written
    document.fill(written.replace("learner.email", "learner.emial"))
    page.locator(".mistakes").get_by_text("did you mean").wait_for()
    keep_picture(page, "mapping-mistaken")
    document.fill(written)
    expect(picture).to_be_visible()
