"""Sites in the console: connected by a form, checked, changed, and what they send."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bridge.people.roles import Limits, Role
from bridge.store import deliveries, tables
from connectors.base import Completion, Course, Finding, Learner
from tests.bridge.console.conftest import Browser, SignedIn
from tests.bridge.world import NOON, SECRET, SITE, World
from tests.polling import eventually

MOODLE = {
    "name": "moodle-main",
    "settings.base_url": "https://moodle.example.edu",
    "settings.token": "0123456789abcdef",
    "settings.assignment_idnumber": "vaultbridge",
}
SHOWN_ONCE = re.compile(r'shown this once.*?<code class="copy">([^<]+)</code>', re.DOTALL)


@pytest.fixture
def kind() -> str:
    """The pages are the same on either database; tests/bridge/store has the queries on both."""
    return "sqlite"


@pytest.fixture
def admin(signed_in: SignedIn) -> Browser:
    return signed_in(Role.ADMIN)


def made_secret(text: str) -> str:
    found = SHOWN_ONCE.search(text)
    assert found
    return found[1]


def checked(browser: Browser, path: str) -> str:
    """What a check has found, once it has ended."""

    def ended() -> str:
        text = browser.text(f"{path}/check")
        return text if "data-done" in text else ""

    return eventually(ended)


def test_a_site_is_added_by_the_form_of_its_connector(world: World, admin: Browser) -> None:
    assert "/add/site/moodle" in admin.text("/add/site")
    form = admin.text("/add/site/moodle")
    assert all(f'name="{name}"' in form for name in (*MOODLE, "settings.webhook_tokens"))
    assert "Switch the web service on" in form  # the connector's own instructions

    answer = admin.post("/add/site/moodle", **MOODLE)

    secret = made_secret(answer.text)
    row = world.site("moodle-main")
    assert "https://certs.example.edu/hooks/moodle/moodle-main" in answer.text
    assert (secret,) == world.bridge.connector_of(row).settings.webhook_tokens
    [added] = [e for e in world.rows(tables.event) if e.subject == row.id]
    assert ("added", "admin-0@staff.example") == (added.what, added.who)
    shown = admin.text("/sites/moodle-main")
    assert "moodle.example.edu" in shown
    assert not any(one in shown for one in (secret, MOODLE["settings.token"]))


def test_what_was_typed_stays_and_each_mistake_stands_at_its_field(
    world: World, admin: Browser
) -> None:
    wrong = {"name": "a b", "settings.base_url": "moodle", "owners": "nobody", "timezone": "Mars"}

    answer = admin.post("/add/site/moodle", **{**MOODLE, **wrong, "issue_from": "soon"})

    assert 422 == answer.status_code
    for name in (*wrong, "issue_from"):
        assert f'id="{name}-wrong"' in answer.text, name
    assert 'value="moodle"' in answer.text
    assert MOODLE["settings.token"] not in answer.text, "secrets are never echoed"
    taken = admin.post("/add/site/moodle", **{**MOODLE, "name": SITE})
    assert (409, True) == (taken.status_code, "history keeps its name" in taken.text)


def test_a_check_says_what_is_missing_and_does_not_hold_up_the_page(
    world: World, admin: Browser
) -> None:
    go_on = threading.Event()

    def findings() -> Iterator[Finding]:
        yield Finding(name="token", ok=True)
        go_on.wait(60)
        yield Finding(name="may grade", ok=False, problem="It may not.", remedy="Grant in Roles.")

    world.lms.findings = findings()  # type: ignore[assignment]
    assert 303 == admin.post(f"/sites/{SITE}/check").status_code
    eventually(lambda: "token" in admin.text(f"/sites/{SITE}/check"))
    assert "It goes on" in admin.text(f"/sites/{SITE}")
    assert 303 == admin.post(f"/sites/{SITE}/check").status_code, "one at a time"

    go_on.set()
    told = checked(admin, f"/sites/{SITE}")

    assert all(said in told for said in ("It may not.", "Grant in Roles.", "1 missing"))
    assert "Grant in Roles." in admin.text(f"/sites/{SITE}"), "it is kept"


def test_a_site_that_cannot_be_used_is_told_by_its_check(world: World, admin: Browser) -> None:
    world.change(tables.site, world.site_id, connector="gone")

    admin.post(f"/sites/{SITE}/check")

    assert "No connector is called" in checked(admin, f"/sites/{SITE}")
    assert 200 == admin.get(f"/sites/{SITE}/settings").status_code


def test_only_what_was_changed_is_changed(world: World, admin: Browser) -> None:
    admin.post("/add/site/moodle", **MOODLE)
    form = {
        **{name: value for name, value in MOODLE.items() if name not in ("name", "settings.token")},
        "issue_from": NOON.strftime("%Y-%m-%d"),
        "owners": "alice@example.edu\nhttps://chat.example.edu/hooks/key",
        "settings.knows_staff": "yes",
    }

    assert 303 == admin.post("/sites/moodle-main/settings", **form).status_code
    row = world.site("moodle-main")
    [*_, told] = [e for e in world.rows(tables.event) if e.subject == row.id]

    assert (True, "https://moodle.example.edu") == (
        row.settings["knows_staff"],
        row.settings["base_url"],
    )
    assert "knows_staff" in told.detail
    assert "base_url" not in told.detail
    assert "hooks/key" not in told.detail + admin.text("/sites/moodle-main")
    shown = admin.text("/sites/moodle-main/settings")
    kept = {**form, "owners": "alice@example.edu\nhttps://chat.example.edu/••••••"}
    assert "chat.example.edu/••••••" in shown
    admin.post("/sites/moodle-main/settings", **{**kept, "settings.base_url": "nowhere"})
    assert len(world.history(row.id)) == 2, "a mistake changes nothing"
    admin.post("/sites/moodle-main/settings", **{**kept, "timezone": "Asia/Dubai"})
    assert "owners" not in world.rows(tables.event)[-1].detail


def test_a_secret_is_made_and_the_old_one_is_good_until_it_is_dropped(
    world: World, admin: Browser
) -> None:
    answer = admin.post(f"/sites/{SITE}/secrets", make="settings.secrets")
    fresh = made_secret(answer.text)
    assert (fresh, SECRET) == world.bridge.connector_of(world.site()).settings.secrets
    assert SECRET not in answer.text
    assert "2 are accepted" in admin.text(f"/sites/{SITE}")

    assert 303 == admin.post(f"/sites/{SITE}/secrets", act="drop_old").status_code
    assert (fresh,) == world.bridge.connector_of(world.site()).settings.secrets
    wrong = admin.post(f"/sites/{SITE}/secrets", **{"settings.secrets": "no such form"})
    assert (422, False) == (wrong.status_code, "no such form" in wrong.text)
    assert 422 == admin.post(f"/sites/{SITE}/secrets").status_code


def test_deliveries_show_masked_to_support_and_are_replayed(
    world: World, signed_in: SignedIn
) -> None:
    body = {**world.body("ada"), "apiToken": "hush-hush", "echo": SECRET}
    world.post(body)
    world.run("normalise")
    row = world.one(tables.delivery)
    support, viewer = signed_in(Role.SUPPORT), signed_in(Role.VIEWER)

    shown = support.text(f"/deliveries/{row.id}")
    assert "ada@learners.example" in shown
    assert not any(secret in shown for secret in (SECRET, "hush-hush", "v1,"))
    assert "ada@learners.example" not in viewer.text(f"/deliveries/{row.id}")

    aside = support.text(f"/sites/{SITE}?show=aside")
    assert ("dead", True) == (row.state, row.id in aside)
    table = support.text(f"/sites/{SITE}/deliveries.csv?show=aside")
    assert (True, False) == (row.id in table, "ada" in table)
    assert 303 == support.post(f"/deliveries/{row.id}/replay", back="site").status_code
    assert "waiting" == world.one(tables.delivery).state
    with world.bridge.database.write() as conn:
        deliveries.blank(conn, [row.id], "erased on 2026-11-23")
    assert "erased on 2026-11-23" in support.text(f"/deliveries/{row.id}")


def test_what_was_turned_away_and_what_nobody_wants_is_counted(
    world: World, signed_in: SignedIn
) -> None:
    world.post(b"{}", headers={})
    world.post({"type": "user.updated"})
    world.run("normalise")
    browser = signed_in(Role.VIEWER)

    one = browser.text(f"/sites/{SITE}")

    assert all(said in one for said in ("not provably from this LMS", "user.updated"))
    assert "1</td>" in browser.text("/sites").partition(SITE)[2].partition("</tr>")[0]


def test_a_person_sees_the_sites_within_their_limits(world: World, signed_in: SignedIn) -> None:
    delivery = world.complete()
    theirs = signed_in(Role.VIEWER, Limits(sites=frozenset({SITE})))
    others = signed_in(Role.ADMIN, Limits(sites=frozenset({"signed-main"})))
    course = signed_in(Role.SUPPORT, Limits(courses=frozenset({f"{SITE}/42"})))

    assert (True, False) == tuple(
        f"/sites/{name}" in theirs.text("/sites") for name in (SITE, "signed-main")
    )
    for browser in (others, course):
        for path in (f"/sites/{SITE}", f"/deliveries/{delivery}", f"/sites/{SITE}/check"):
            assert 404 == browser.get(path).status_code
        assert 404 == browser.post(f"/deliveries/{delivery}/replay").status_code
    assert 404 == others.post(f"/sites/{SITE}/remove", name=SITE).status_code


def test_a_site_is_removed_by_typing_its_name(world: World, admin: Browser) -> None:
    assert 422 == admin.post(f"/sites/{SITE}/remove", name="other").status_code
    assert 303 == admin.post(f"/sites/{SITE}/remove", name=SITE).status_code
    assert 401 == world.post(world.body()).status_code
    assert 404 == admin.get(f"/sites/{SITE}").status_code


def test_a_restored_site_sends_again_for_a_reason(world: World, admin: Browser) -> None:
    world.change(tables.site, world.site_id, unsure_since=NOON)

    assert 422 == admin.post(f"/sites/{SITE}/resume").status_code
    assert 303 == admin.post(f"/sites/{SITE}/resume", because="it was stopped").status_code
    assert None is world.site().unsure_since
    assert 409 == admin.post(f"/sites/{SITE}/resume", because="once more").status_code


def test_a_completion_is_tried_to_its_end_and_nothing_issued(
    world: World, signed_in: SignedIn
) -> None:
    support = signed_in(Role.SUPPORT)
    found = Completion(
        course=Course(id="42", title="Marine Biology"),
        learner=Learner(id="ada", full_name="Ada Lovelace", email="ada@learners.example"),
        noticed_at=NOON,
        completed_at=NOON,
    )
    assert "None is known here" in support.post(f"/sites/{SITE}/try").text
    world.lms.listed = [found]
    world.lms.without_place.add("42")

    tried = support.post(f"/sites/{SITE}/try").text

    for said in (
        "The newest that the LMS lists",
        "No genuine delivery",
        "Certificate of Completion: Marine Biology",
        "It wants it, and would issue.",
        "The course has no place for it.",
    ):
        assert said in tried, said
    typed = support.post(f"/sites/{SITE}/try", course="42", learner="bob").text
    assert "and would hold it for" in typed
    assert 422 == support.post(f"/sites/{SITE}/try", course="42").status_code
    world.lms.enriching.append(ZeroDivisionError())
    assert "fault in the program" in support.post(f"/sites/{SITE}/try").text
    nothing: list[Any] = []
    assert nothing == [*world.rows(tables.completion), *world.rows(tables.issuance)]
    assert 403 == signed_in(Role.VIEWER).post(f"/sites/{SITE}/try").status_code


def test_a_file_beside_a_connector_is_given_and_no_code(admin: Browser) -> None:
    assert b"moodle/course:view" in admin.get("/connectors/moodle/files/role.xml").data
    assert 404 == admin.get("/connectors/moodle/files/settings.py").status_code
    assert 404 == admin.get("/connectors/moodle/files/..%2F..%2Fpyproject.toml").status_code
