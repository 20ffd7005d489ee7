"""Every page that the vault shows to people is built for a screen reader and a phone."""

from __future__ import annotations

import pytest

from tests.pages import Page, flaws
from tests.vault import samples
from tests.vault.web.test_people import JOHN, Mailbox, browser_of, form_token, issue, sign_in
from tests.vault.world import World


@pytest.fixture
def pages(world: World) -> dict[str, Page]:
    """Each page by what it shows."""
    mailbox, browser = Mailbox(world), browser_of(world)
    uuid = issue(world)
    reference_id = world.row(uuid).reference_id
    public = {"certificate": ("c.pdf", samples.pdf(), "application/pdf")}
    found = {
        "a form to verify": browser.get("/verify"),
        "a reference id that is none": browser.get("/verify/x"),
        "an unknown one": browser.get("/verify/VEC-IC-2026AAAAAAAAAAAAA"),
        "a file that is unknown": browser.post("/verify/file", files=public),
        "a file of another": browser.post(f"/verify/{reference_id}/file", files=public),
        "a holder's page": browser.get(mailbox.link("/holder/")),
        "an invitation": browser.get(mailbox.link()),
        "a form to sign in": browser.get("/my"),
        "an address that is none": browser.post("/my/sign-in", data={"email": "x"}),
        "a mail that is on its way": browser.get("/my/sent"),
        "a dead link": browser.get("/my/link/x"),
        "what is not there": browser.get("/my/x", headers={"Accept": "text/html"}),
    }
    sign_in(browser, mailbox)
    issue(world, certificate_title="Another")
    mailbox.fetch()
    form = form_token(browser.get("/my"))
    browser.post("/my/emails", data={"form": form, "email": f"more.{JOHN}"})
    browser.post(mailbox.link())
    found["an account"] = browser.get("/my?lang=ar")
    found["an address to add that is none"] = browser.post(
        "/my/emails", data={"form": form, "email": "x"}
    )
    found["an account's end"] = browser.get("/my/delete")
    for status in ("processing", "generated", "failed", "revoked"):
        world.set(uuid, status=status)
        found[f"one that is {status}"] = browser.get(f"/verify/{reference_id}")
    institution_id = world.row(uuid).institution_id
    world.vault.withdrawal.erase(uuid, institution_id=institution_id)
    found["one that was erased"] = browser.get(f"/verify/{reference_id}")
    return {what: Page(answer) for what, answer in found.items()}


def test_every_page_is_built_for_a_screen_reader_and_a_phone(pages: dict[str, Page]) -> None:
    assert {} == {what: told for what, page in pages.items() if (told := flaws(page))}
    verdicts = {page.text for what, page in pages.items() if what.startswith("one that ")}
    assert 5 == len(verdicts)
