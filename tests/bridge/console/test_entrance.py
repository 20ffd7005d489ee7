"""Coming in: the first admin, invitations, passwords, sessions and their ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.people import entering
from bridge.people.entering import MOST_PER_PERSON, WINDOW
from bridge.people.roles import Limits, Role
from bridge.store import people, tables
from bridge.store.accounts import NameTaken
from tests.bridge.console.conftest import PASSWORD, Browser, SignedIn, add_person
from tests.bridge.world import World

PAIR = {"password": PASSWORD, "again": PASSWORD}


def path_of(link: str) -> str:
    return link.partition("/console")[2]


def test_the_first_link_makes_an_admin_once(world: World, browser: Browser) -> None:
    link = entering.first_link(world.bridge, who="test")
    assert link

    browser.text(path_of(link))
    made = browser.post(path_of(link), name="Ada King", email="Ada@Staff.example", **PAIR)

    assert 303 == made.status_code
    assert "Ada King" in browser.text("/")
    assert ("admin", None) == (world.one(tables.person).role, world.one(tables.person).limits)
    assert 410 == browser.get(path_of(link)).status_code
    assert 410 == browser.post(path_of(link), name="Eve", email="eve@x.example", **PAIR).status_code
    assert entering.first_link(world.bridge, who="test") is None


def test_each_first_link_ends_the_one_before(world: World, browser: Browser) -> None:
    older, newer = (
        entering.first_link(world.bridge, who="test"),
        entering.first_link(world.bridge, who="test"),
    )
    assert older
    assert newer

    assert (410, 200) == (
        browser.get(path_of(older)).status_code,
        browser.get(path_of(newer)).status_code,
    )


def test_of_two_who_use_the_first_link_at_once_one_becomes_admin(world: World) -> None:
    link = entering.first_link(world.bridge, who="test")
    assert link
    token = link.rpartition("/")[2]
    entering.accept(world.bridge, token, PASSWORD, email="ada@staff.example", name="Ada")

    with pytest.raises(entering.DeadLink):
        entering.accept(world.bridge, token, PASSWORD, email="eve@staff.example", name="Eve")

    assert 1 == len(world.rows(tables.person))


def test_an_invited_person_chooses_a_password_and_has_the_role(
    world: World, browser: Browser
) -> None:
    link = entering.invite(
        world.bridge,
        "sue@staff.example",
        name="Sue",
        role=Role.SUPPORT,
        limits=Limits(),
        who="ada",
    )

    page = browser.text(path_of(link))
    answer = browser.post(path_of(link), email="eve@other.example", name="Eve", **PAIR)

    assert "sue@staff.example" in page
    assert 303 == answer.status_code
    row = world.one(tables.person)
    assert ("sue@staff.example", "Sue", "support") == (row.email, row.name, row.role)
    assert row.password.startswith("$argon2id$")
    assert PASSWORD not in row.password


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"password": "short"}, "at least 12 characters"),
        ({"password": "aaaaaaaaaaaaaaaa"}, "more different characters"),
        ({"again": "something else here"}, "not the same"),
        ({"email": "nobody"}, "not an e-mail address"),
        ({"name": " "}, "Give your name"),
    ],
)
def test_each_mistake_is_told_beside_its_field_and_nothing_typed_is_lost(
    world: World, browser: Browser, given: dict[str, str], said: str
) -> None:
    link = entering.first_link(world.bridge, who="test")
    assert link
    right = {"name": "Ada", "email": "ada@staff.example", **PAIR}
    if "password" in given:
        given = {**given, "again": given["password"]}

    answer = browser.post(path_of(link), **{**right, **given})

    assert (422, True) == (answer.status_code, said in answer.text)
    kept = "ada@staff.example" if "email" not in given else "nobody"
    assert f'value="{kept}"' in answer.text
    assert PASSWORD not in answer.text
    assert [] == world.rows(tables.person)


def test_a_link_that_nobody_used_ends_by_itself(world: World, browser: Browser) -> None:
    link = entering.first_link(world.bridge, who="test")
    assert link

    world.later(days=4)

    assert 410 == browser.get(path_of(link)).status_code


def test_a_new_link_leaves_the_old_password_until_it_is_used(
    world: World, browser: Browser
) -> None:
    add_person(world, "vi@staff.example", Role.VIEWER)
    link = entering.new_link(world.bridge, "vi@staff.example", who="ada")
    assert 303 == browser.sign_in("vi@staff.example").status_code

    other = Browser(world.app.test_client())
    other.post(path_of(link), password="another long sentence", again="another long sentence")

    assert 303 == browser.get("/issuances").status_code  # signed out everywhere
    assert 422 == browser.sign_in("vi@staff.example").status_code
    assert 303 == browser.sign_in("VI@staff.example", "another long sentence").status_code


def test_wrong_pairs_are_all_answered_alike(world: World, browser: Browser) -> None:
    add_person(world, "vi@staff.example", Role.VIEWER)
    entering.invite(
        world.bridge, "new@staff.example", name="N", role=Role.VIEWER, limits=Limits(), who="ada"
    )
    told = {
        browser.sign_in(email, password).text.replace(email, "")
        for email, password in (
            ("vi@staff.example", "wrong wrong wrong"),
            ("no@staff.example", PASSWORD),
            ("new@staff.example", PASSWORD),
            ("new@staff.example", ""),
            ("vi@staff.example", "x" * 100_000),
        )
    }

    assert 1 == len(told)


def test_who_tries_too_often_waits_however_right_they_are_then(
    world: World, browser: Browser
) -> None:
    add_person(world, "vi@staff.example", Role.VIEWER)
    for _ in range(MOST_PER_PERSON):
        assert 422 == browser.sign_in("vi@staff.example", "wrong wrong wrong").status_code

    assert 429 == browser.sign_in("vi@staff.example").status_code
    world.later(seconds=WINDOW.total_seconds())
    assert 303 == browser.sign_in("vi@staff.example").status_code


def test_who_is_removed_is_out_at_once(world: World, signed_in: SignedIn, browser: Browser) -> None:
    visitor = signed_in(Role.VIEWER)
    row = world.one(tables.person)

    with world.bridge.database.write() as conn:
        people.remove(conn, row.id, now=world.clock.now())

    assert 303 == visitor.get("/issuances").status_code
    assert 422 == browser.sign_in(row.email).status_code
    # The address may come back, as another person.
    add_person(world, row.email, Role.VIEWER)
    assert 303 == browser.sign_in(row.email).status_code


def test_an_address_is_one_persons_however_it_is_written(world: World) -> None:
    add_person(world, "vi@staff.example", Role.VIEWER)

    with pytest.raises(NameTaken):
        add_person(world, " VI@Staff.example", Role.ADMIN)


def test_a_session_ends_unused_and_in_any_case_after_a_week(
    world: World, signed_in: SignedIn
) -> None:
    visitor = signed_in(Role.VIEWER)
    for _ in range(16):
        world.later(hours=10)
        assert 200 == visitor.get("/issuances").status_code
    world.later(hours=10)

    assert 303 == visitor.get("/issuances").status_code

    again = Browser(world.app.test_client())
    again.sign_in(world.one(tables.person).email)
    world.later(hours=13)
    assert 303 == again.get("/issuances").status_code


def test_a_page_that_asks_by_itself_keeps_nobody_signed_in(
    world: World, signed_in: SignedIn
) -> None:
    visitor = signed_in()

    for _ in range(13):
        world.later(hours=1)
        last = visitor.client.get("/console/", headers={"X-Live": "1"})

    assert (303, 303) == (last.status_code, visitor.get("/").status_code)


def test_signing_out_ends_the_session_itself_here_or_everywhere(
    world: World, signed_in: SignedIn
) -> None:
    here = signed_in(Role.VIEWER)
    email = world.one(tables.person).email
    there, third = Browser(world.app.test_client()), Browser(world.app.test_client())
    for browser in (there, third):
        browser.sign_in(email)
    name = next(c.key for c in [here.client.get_cookie("__Host-vaultbridge")] if c)
    kept = here.client.get_cookie(name)
    assert kept

    here.post("/sign-out")
    here.client.set_cookie(name, kept.value)

    assert 303 == here.get("/issuances").status_code
    assert 200 == there.get("/issuances").status_code
    there.post("/sign-out", everywhere="yes")
    assert 303 == third.get("/issuances").status_code


def test_what_a_browser_keeps_is_not_in_the_database(world: World, signed_in: SignedIn) -> None:
    visitor = signed_in(Role.VIEWER)
    cookie = visitor.client.get_cookie("__Host-vaultbridge")
    assert cookie

    everything = " ".join(str(row) for row in world.rows(tables.session))

    assert cookie.value not in everything


def test_a_role_that_was_changed_counts_at_once(world: World, signed_in: SignedIn) -> None:
    admin, viewer = signed_in(Role.ADMIN), signed_in(Role.VIEWER)
    row = next(row for row in world.rows(tables.person) if row.role == "viewer")

    admin.post(f"/people/{row.id}", act="change", role="support")

    assert "support" in viewer.text("/issuances")
    events = [(e.what, e.who, e.detail) for e in world.rows(tables.event) if e.subject == row.id]
    assert ("made support", "admin-0@staff.example", "was viewer") == events[-1]


def test_nobody_changes_their_own_role(world: World, signed_in: SignedIn) -> None:
    admin = signed_in(Role.ADMIN)
    row = world.one(tables.person)

    for act in ("change", "remove"):
        assert 409 == admin.post(f"/people/{row.id}", act=act, role="viewer").status_code
    assert "admin" == world.one(tables.person).role


def test_an_admin_invites_with_limits_and_sees_the_link_once(
    world: World, signed_in: SignedIn
) -> None:
    admin = signed_in(Role.ADMIN)
    given = {"email": "t@staff.example", "name": "Tea Cher", "role": "viewer"}

    wrong = admin.post("/people", **{**given, "courses": "BIO-1"})
    made = admin.post("/people", **given, courses="scripted-main/42 scripted-main/43")

    assert (422, True) == (wrong.status_code, "SITE/COURSE" in wrong.text)
    assert 'value="t@staff.example"' in wrong.text
    assert made.text.count("/console/enter/") == 1
    assert "/console/enter/" not in admin.text("/people")
    row = next(row for row in world.rows(tables.person) if row.email == "t@staff.example")
    assert {"courses": ["scripted-main/42", "scripted-main/43"]} == row.limits
    assert timedelta(0) <= world.clock.now() - row.created_at
