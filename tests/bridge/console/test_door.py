"""Every page is for those it is for: tested over all routes and all roles."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.routing import Rule

from bridge.console.door import Console, onward
from bridge.people.roles import Limits, Role
from bridge.store import tables
from tests.bridge.console.conftest import OURS, PASSWORD, Browser, SignedIn, add_person
from tests.bridge.world import SITE, World


def console(world: World) -> Console:
    found = world.app.blueprints["console"]
    assert isinstance(found, Console)
    return found


def routes(world: World) -> list[tuple[Rule, str]]:
    """Every rule of the console with each of its methods."""
    return [
        (rule, method)
        for rule in world.app.url_map.iter_rules()
        if rule.endpoint.startswith("console.") and rule.endpoint != "console.static"
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def address(rule: Rule, world: World) -> str:
    parts = dict.fromkeys(rule.arguments, "nothing")
    adapter = world.app.url_map.bind("localhost")
    return adapter.build(rule.endpoint, parts, force_external=False)


def is_turned_away(answer: Any) -> bool:
    """By the door, not by the page."""
    to_sign_in = answer.status_code == 303 and "/console/sign-in" in answer.headers["Location"]
    return bool(to_sign_in or (answer.status_code == 403 and "not for your role" in answer.text))


def test_each_page_says_whom_it_is_for(world: World) -> None:
    named = {rule.endpoint for rule, _ in routes(world)}

    assert named == set(console(world).roles)


@pytest.mark.parametrize("role", [None, *Role])
def test_every_route_lets_in_the_roles_it_is_for_and_no_other(
    world: World, signed_in: SignedIn, browser: Browser, role: Role | None
) -> None:
    visitor = browser if role is None else signed_in(role)
    told = {}
    for rule, method in routes(world):
        if rule.endpoint == "console.sign_out":
            continue  # the last
        path = address(rule, world).removeprefix("/console")
        answer = visitor.get(path) if method == "GET" else visitor.post(path)
        needed = console(world).roles[rule.endpoint]
        may = needed is None or (role is not None and role.covers(needed))
        told[rule.endpoint, method] = (may, not is_turned_away(answer), answer.status_code < 500)

    assert {key: (may, may, True) for key, (may, _, _) in told.items()} == told


def test_who_is_limited_sees_no_page_of_the_whole_installation(
    world: World, signed_in: SignedIn
) -> None:
    visitor = signed_in(Role.ADMIN, Limits(sites=frozenset({SITE})))
    whole = [
        r for r, method in routes(world) if r.endpoint in console(world).whole and "GET" == method
    ]

    told = {rule.endpoint: visitor.get(address(rule, world)[8:]).status_code for rule in whole}

    assert whole
    assert {403} == set(told.values())


def test_who_is_not_signed_in_comes_back_to_where_they_wanted(
    world: World, browser: Browser
) -> None:
    add_person(world, "vi@staff.example", Role.VIEWER)
    asked = browser.get("/issuances?state=held")
    browser.client.get(asked.headers["Location"])

    answer = browser.post(
        "/sign-in",
        email="vi@staff.example",
        password=PASSWORD,
        next="/console/issuances?state=held",
    )

    assert "next=/console/issuances?state%3Dheld" in asked.headers["Location"]
    assert "/console/issuances?state=held" == answer.headers["Location"]


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/console/",
        "//evil.example/console/",
        "/\\evil.example/console/",
        "/elsewhere",
        "javascript:alert(1)",
        "",
    ],
)
def test_nobody_is_led_elsewhere(world: World, address: str) -> None:
    with world.app.test_request_context():
        assert "/console/" == onward(address)


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}],
)
def test_a_form_of_another_site_does_nothing(
    world: World, signed_in: SignedIn, headers: dict[str, str]
) -> None:
    visitor = signed_in(Role.ADMIN)

    answer = visitor.client.post("/console/sign-out", data=visitor.form, headers=headers)

    assert 403 == answer.status_code
    assert 1 == len(world.rows(tables.session)) - 1  # invited and signed in: nobody was signed out


def test_a_form_without_the_sessions_own_token_does_nothing(
    world: World, signed_in: SignedIn
) -> None:
    visitor, other = signed_in(Role.ADMIN), signed_in(Role.VIEWER)
    for form in ({}, {"form": ""}, other.form, {"form": "é"}):
        answer = visitor.client.post("/console/sign-out", data=form, headers=OURS)

        assert (403, True) == (answer.status_code, "out of date" in answer.text)
    assert 200 == visitor.get("/").status_code


def test_every_page_is_guarded_by_its_headers(world: World, signed_in: SignedIn) -> None:
    visitor = signed_in(Role.ADMIN)
    for path in ("/", "/issuances", "/nowhere/at/all", "/sign-in"):
        headers = visitor.get(path).headers
        policy = headers["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert ("no-store", "nosniff") == (
            headers["Cache-Control"],
            headers["X-Content-Type-Options"],
        )


def test_the_cookie_is_kept_from_scripts_and_other_sites(world: World, browser: Browser) -> None:
    add_person(world, "vi@staff.example", Role.VIEWER)

    cookie = browser.sign_in("vi@staff.example").headers["Set-Cookie"]

    assert "__Host-vaultbridge=" in cookie
    for word in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/"):
        assert word in cookie


def test_what_is_nowhere_is_a_page_that_says_so(browser: Browser) -> None:
    answer = browser.get("/nowhere")

    assert (404, True) == (answer.status_code, "There is nothing here" in answer.text)
