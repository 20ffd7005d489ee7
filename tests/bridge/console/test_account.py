"""What people do with their own account, and admins with others': passwords, sessions, limits."""

from __future__ import annotations

import re

import pytest

from bridge.people import entering, rules
from bridge.people.roles import Limits, Role
from bridge.people.whence import Whence
from bridge.store import tables
from tests.bridge.console.conftest import PASSWORD, Browser, SignedIn, add_person
from tests.bridge.world import SITE, World

NEW = "another long sentence"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EMAIL = "viewer-0@staff.example"


@pytest.fixture
def kind() -> str:
    return "sqlite"


def test_a_password_is_changed_by_the_old_one_and_ends_other_sessions(
    world: World, signed_in: SignedIn, browser: Browser
) -> None:
    here = signed_in(Role.VIEWER)
    browser.sign_in(EMAIL)

    answer = here.post("/account/password", old=PASSWORD, password=NEW, again=NEW)

    assert 303 == answer.status_code
    assert "Your new password counts" in here.text("/account?done=password")
    assert 303 == browser.get("/issuances").status_code
    assert 422 == browser.sign_in(EMAIL).status_code
    assert 303 == browser.sign_in(EMAIL, NEW).status_code


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"old": "wrong wrong wrong"}, "This is not your password"),
        ({"password": "short", "again": "short"}, "at least 12 characters"),
        ({"again": "something else here"}, "not the same"),
    ],
)
def test_what_is_wrong_with_a_new_password_is_said_beside_it(
    world: World, signed_in: SignedIn, given: dict[str, str], said: str
) -> None:
    here = signed_in(Role.VIEWER)
    kept = world.one(tables.person).password

    right = {"old": PASSWORD, "password": NEW, "again": NEW}
    answer = here.post("/account/password", **{**right, **given})

    assert (422, True) == (answer.status_code, said in answer.text)
    assert kept == world.one(tables.person).password


def test_guessing_the_old_password_is_throttled(signed_in: SignedIn) -> None:
    here = signed_in(Role.VIEWER)
    # One try was signing in.
    for _ in range(entering.MOST_PER_PERSON - 1):
        wrong = here.post("/account/password", old="wrong wrong", password=NEW, again=NEW)
        assert 422 == wrong.status_code

    right = here.post("/account/password", old=PASSWORD, password=NEW, again=NEW)
    assert 429 == right.status_code


def test_sessions_are_told_roughly_and_ended_singly(
    world: World, signed_in: SignedIn, browser: Browser
) -> None:
    here = signed_in(Role.VIEWER)
    browser.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    browser.client.environ_base["REMOTE_ADDR"] = "203.0.113.77"
    browser.sign_in(EMAIL)

    page = here.text("/account")
    told = re.search(r'value="([0-9a-f]{64})">Sign out there.*?', page.partition("Firefox")[2])

    assert "Firefox, Linux" in page
    assert "203.0.113.0/24" in page
    assert "203.0.113.77" not in page
    assert told
    here.post("/account/sessions", session=told[1])
    assert 303 == browser.get("/issuances").status_code
    assert 200 == here.get("/issuances").status_code
    browser.sign_in(EMAIL)
    here.post("/account/sessions")
    assert 303 == browser.get("/issuances").status_code


def test_nobody_ends_anothers_session(world: World, signed_in: SignedIn, browser: Browser) -> None:
    here = signed_in(Role.VIEWER)
    add_person(world, "sue@staff.example", Role.SUPPORT)
    browser.sign_in("sue@staff.example")

    for row in world.rows(tables.session):
        here.post("/account/sessions", session=row.id)

    assert 200 == browser.get("/issuances").status_code


def test_times_are_told_in_the_chosen_zone_without_a_script(
    world: World, signed_in: SignedIn
) -> None:
    here = signed_in(Role.VIEWER)
    wrong = here.post("/account/reading", time_zone="Mars/Olympus")
    assert (422, True) == (wrong.status_code, "There is no such time zone" in wrong.text)
    assert 'value="Mars/Olympus"' in wrong.text

    here.post("/account/reading", time_zone="Asia/Dubai")

    times = re.findall(r"<time [^>]*data-told[^>]*>([^<]*)</time>", here.text("/account"))
    assert times
    assert all(one.startswith("2026-11-23 16:0") for one in times), times


def test_an_admin_changes_limits_to_what_there_is(world: World, signed_in: SignedIn) -> None:
    admin, viewer = signed_in(Role.ADMIN), signed_in(Role.VIEWER)
    [row] = [row for row in world.rows(tables.person) if row.role == "viewer"]
    assert "Limits" not in admin.text(f"/people/{row.id}")

    wrong = admin.post(f"/people/{row.id}", act="change", role="viewer", sites="gone")
    assert (422, True) == (wrong.status_code, "no issuer or site of the name gone" in wrong.text)
    assert 'value="gone"' in wrong.text

    done = admin.post(f"/people/{row.id}", act="change", role="support", sites=SITE)
    assert 303 == done.status_code
    [row] = [one for one in world.rows(tables.person) if one.id == row.id]
    assert ("support", {"sites": [SITE]}) == (row.role, row.limits)
    assert 403 == viewer.get("/queue").status_code
    assert SITE in admin.text(f"/people/{row.id}")
    admin.post(f"/people/{row.id}", act="sign_out")
    assert 303 == viewer.get("/issuances").status_code


def test_one_admin_without_limits_always_stays(world: World) -> None:
    add_person(world, "root@staff.example", Role.ADMIN)
    add_person(world, "bio@staff.example", Role.ADMIN, Limits(sites=frozenset({SITE})))
    entering.invite(  # who has not come in yet cannot help
        world.bridge, "new@staff.example", name="N", role=Role.ADMIN, limits=Limits(), who="test"
    )
    root = "root@staff.example"

    for act in (
        lambda: entering.remove(world.bridge, root, who="test"),
        lambda: entering.give_role(world.bridge, root, Role.SUPPORT, who="test"),
        lambda: entering.change(
            world.bridge, root, limits=Limits(sites=frozenset({SITE})), who="test"
        ),
    ):
        with pytest.raises(rules.LastAdmin, match="Make another one first"):
            act()

    entering.change(world.bridge, "bio@staff.example", limits=Limits(), who="test")
    entering.remove(world.bridge, root, who="test")


@pytest.mark.parametrize(
    ("address", "agent", "network", "browser"),
    [
        ("203.0.113.77", FIREFOX, "203.0.113.0/24", "Firefox, Linux"),
        ("2001:db8:1:2::5", "curl/8", "2001:db8:1::/48", None),
        (None, "Mozilla/5.0 (iPhone) Safari/1", None, "Safari, iPhone"),
    ],
)
def test_where_somebody_signs_in_from_is_kept_roughly(
    address: str | None, agent: str, network: str | None, browser: str | None
) -> None:
    found = Whence.of(address, agent)

    assert (network, browser) == (found.network, found.browser)
