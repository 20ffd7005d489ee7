"""Signing in by the institution: who comes in as whom, and every lie that lets nobody in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from flask import Response
from joserfc import jwk
from werkzeug.test import TestResponse

from bridge import grants
from bridge.grants import Grant
from bridge.people import entering, rules
from bridge.people.roles import Limits, Role
from bridge.store import tables
from tests.bridge.checks.finding import WELL, found
from tests.bridge.console.conftest import OURS, PASSWORD, Browser, SignedIn, add_person
from tests.bridge.console.test_door import console
from tests.bridge.world import SITE, World
from tests.oidc_provider import CLIENT, SECRET, OidcProvider, hmac_signed, serving, unsigned

ROLES = f"admins=admin;cn=bio,ou=staff=support site:{SITE};readers=viewer"
ADA = {
    "sub": "ada-1",
    "email": "ada@uni.example",
    "email_verified": True,
    "name": "Ada King",
    "groups": ["everybody", "admins", "readers"],
}


@pytest.fixture(scope="module")
def _provider() -> Iterator[OidcProvider]:
    with serving(lambda: datetime.now(UTC)) as provider:
        yield provider


@pytest.fixture
def provider(_provider: OidcProvider, world: World) -> OidcProvider:
    """The institution's sign-in, and Ada before it."""
    _provider.reset(world.clock.now)
    _provider.who = dict(ADA)
    ours = console(world).institution
    assert ours
    ours.forget()
    return _provider


@pytest.fixture
def kind() -> str:
    """One database does, but where a test asks for both."""
    return "sqlite"


@pytest.fixture
def unknown() -> str:
    """What becomes of somebody unknown."""
    return "create"


@pytest.fixture
def changed_settings(_provider: OidcProvider, unknown: str) -> Mapping[str, str]:
    return {
        "oidc_issuer": _provider.url,
        "oidc_client_id": CLIENT,
        "oidc_client_secret": SECRET,
        "oidc_roles": ROLES,
        "oidc_unknown": unknown,
        "oidc_name": "Example University",
    }


@dataclass
class Way:
    """A browser's way to the institution and back."""

    browser: Browser

    def leave(self) -> str:
        answer = self.browser.get("/sign-in/institution?next=/console/issuances")
        assert 303 == answer.status_code, answer.text
        return str(answer.headers["Location"])

    def answer(self, address: str) -> dict[str, str]:
        """What the institution has the browser bring back."""
        told = httpx.get(address)
        assert 302 == told.status_code, told.text
        back = urlsplit(told.headers["Location"])
        assert "https://certs.example.edu/console/sign-in/back" == back._replace(query="").geturl()
        return {name: value for name, [value] in parse_qs(back.query).items()}

    def back(self, answer: Mapping[str, str]) -> TestResponse:
        # The institution's page is another site.
        return self.browser.client.get(
            f"/console/sign-in/back?{urlencode(answer)}",
            headers={"Sec-Fetch-Site": "cross-site"},
        )

    def all_of_it(self) -> TestResponse:
        return self.back(self.answer(self.leave()))


@pytest.fixture
def way(browser: Browser, provider: OidcProvider) -> Way:
    return Way(browser)


def is_out(browser: Browser) -> bool:
    return browser.get("/issuances").status_code == 303


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"], indirect=True)
def test_somebody_with_a_role_comes_in_and_where_they_wanted(world: World, way: Way) -> None:
    assert "Sign in with Example University" in way.browser.text("/sign-in")

    answer = way.all_of_it()

    assert (303, "/console/issuances") == (answer.status_code, answer.headers["Location"])
    row = world.one(tables.person)
    assert ("ada@uni.example", "Ada King", "admin", None, None) == (
        row.email,
        row.name,
        row.role,
        row.limits,
        row.password,
    )
    assert 200 == way.browser.get("/people").status_code
    assert [] == world.rows(tables.sign_in_begun)
    assert "" not in [e.who for e in world.rows(tables.event)]


def test_the_first_grant_that_somebody_has_counts_with_its_limits(
    world: World, way: Way, provider: OidcProvider
) -> None:
    provider.who["groups"] = ["readers", "cn=bio,ou=staff"]

    way.all_of_it()

    row = world.one(tables.person)
    assert ("support", {"sites": [SITE]}) == (row.role, row.limits)
    assert grants.ROLES == tuple(Role)
    assert set(grants.KINDS.values()) == set(Limits.__slots__)


def test_the_role_is_renewed_each_time_and_ends_with_the_claim(
    world: World, way: Way, provider: OidcProvider
) -> None:
    way.all_of_it()
    provider.who |= {"groups": "readers", "name": "Ada Lovelace"}
    way.all_of_it()
    row = world.one(tables.person)
    assert ("viewer", "Ada Lovelace") == (row.role, row.name)
    assert 403 == way.browser.get("/people").status_code

    provider.who["groups"] = ["everybody"]
    other = Browser(world.app.test_client())
    answer = Way(other).all_of_it()

    assert (403, True) == (answer.status_code, "no role" in answer.text)
    assert is_out(way.browser)
    assert is_out(other)
    assert [] == [row for row in world.rows(tables.person) if row.removed_at is None]
    # With the claim they come back.
    provider.who["groups"] = ["readers"]
    assert 303 == way.all_of_it().status_code


def test_a_person_stays_who_they_are_when_their_address_changes(
    world: World, way: Way, provider: OidcProvider
) -> None:
    way.all_of_it()
    provider.who["email"] = "ada.lovelace@uni.example"

    way.all_of_it()

    assert "ada.lovelace@uni.example" == world.one(tables.person).email


def test_an_address_that_somebody_has_here_lets_nobody_take_their_place(
    world: World, way: Way, provider: OidcProvider
) -> None:
    add_person(world, "ada@uni.example", Role.ADMIN)
    for claims in ({}, {"email_verified": False}, {"email_verified": None}):
        provider.who = {**ADA, **claims}

        answer = way.all_of_it()

        assert 403 == answer.status_code
        assert is_out(way.browser)
    # Nor does who came by the institution become another who says that it has their address.
    assert [] == world.rows(tables.identity)
    assert 303 == way.browser.sign_in("ada@uni.example").status_code


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"email_verified": False}, "not verified"),
        ({"email_verified": None}, "not verified"),
        ({"email": None}, "does not tell your e-mail address"),
        ({"email": "nobody"}, "does not tell your e-mail address"),
        ({"groups": None}, "no role"),
        ({"groups": {"admins": True}}, "no role"),
    ],
)
def test_who_lacks_something_is_told_what_and_what_to_do(
    world: World, way: Way, provider: OidcProvider, claims: dict[str, Any], said: str
) -> None:
    told = {**ADA, **claims}
    provider.who = {name: value for name, value in told.items() if value is not None}

    answer = way.all_of_it()

    assert (403, True) == (answer.status_code, said in answer.text)
    assert [] == world.rows(tables.person)


def test_what_the_token_lacks_the_userinfo_endpoint_says(
    world: World, way: Way, provider: OidcProvider
) -> None:
    provider.who = {"sub": "ada-1"}
    provider.more = {**ADA, "groups": ["readers"]}

    assert 303 == way.all_of_it().status_code
    assert "viewer" == world.one(tables.person).role

    provider.more = {**ADA, "sub": "eve-1"}
    assert 403 == Way(Browser(world.app.test_client())).all_of_it().status_code


class TestRefusing:
    """Where nobody is made of the claim alone."""

    @pytest.fixture
    def unknown(self) -> str:
        return "refuse"

    def test_only_who_was_invited_comes_in_and_once_as_one_person(
        self, world: World, way: Way, provider: OidcProvider
    ) -> None:
        answer = way.all_of_it()
        assert (403, True) == (answer.status_code, "not invited" in answer.text)
        link = entering.invite(
            world.bridge,
            "Ada@Uni.example",
            name="A",
            role=Role.VIEWER,
            limits=Limits(),
            who="test",
        )

        assert 303 == way.all_of_it().status_code

        assert "admin" == world.one(tables.person).role
        # The link has ended: there is one way in, not two.
        assert 410 == way.browser.get(link.partition("/console")[2]).status_code
        with pytest.raises(rules.ByInstitution):
            entering.new_link(world.bridge, "ada@uni.example", who="test")
        # Another of theirs, to whom the address was given.
        provider.who["sub"] = "eve-1"
        assert "already" in Way(Browser(world.app.test_client())).all_of_it().text


def test_who_was_removed_stays_out_until_they_are_invited(world: World, way: Way) -> None:
    add_person(world, "root@staff.example", Role.ADMIN)
    way.all_of_it()
    entering.remove(world.bridge, "ada@uni.example", who="test")

    answer = way.all_of_it()

    assert (403, True) == (answer.status_code, "You were removed" in answer.text)
    entering.invite(
        world.bridge, "ada@uni.example", name="A", role=Role.VIEWER, limits=Limits(), who="test"
    )
    assert 303 == way.all_of_it().status_code


def _other(provider: OidcProvider, **changed: Any) -> None:
    provider.forge = lambda claims: provider.signed({**claims, **changed})


def _foreign(provider: OidcProvider) -> None:
    foreign = jwk.RSAKey.generate_key(2048)
    provider.forge = lambda claims: provider.signed(claims, key=foreign)


def _with_public_key(provider: OidcProvider) -> None:
    """Signed with what everybody knows, as if it were a secret."""
    known = provider.key.as_pem(private=False)
    provider.forge = lambda claims: hmac_signed(claims, known)


def _with_our_secret(provider: OidcProvider) -> None:
    provider.forge = lambda claims: hmac_signed(claims, SECRET.encode())


def _without(provider: OidcProvider, name: str) -> None:
    provider.forge = lambda claims: provider.signed(
        {key: value for key, value in claims.items() if key != name}
    )


def _cut(provider: OidcProvider) -> None:
    provider.forge = lambda claims: provider.signed(claims)[:-8]


def _none(provider: OidcProvider) -> None:
    provider.forge = unsigned


LIES = {
    "nonce": lambda p: _other(p, nonce="of another sign-in"),
    "no nonce": lambda p: _without(p, "nonce"),
    "audience": lambda p: _other(p, aud="another client"),
    "audience of another for us": lambda p: _other(p, aud="another client", azp=CLIENT),
    "no audience": lambda p: _without(p, "aud"),
    "audiences": lambda p: _other(p, aud=[CLIENT, "another"], azp="another"),
    "issuer": lambda p: _other(p, iss="https://evil.example"),
    "no issuer": lambda p: _without(p, "iss"),
    "expired": lambda p: _other(p, exp=int(p.now().timestamp()) - 61),
    "no end": lambda p: _without(p, "exp"),
    "from the future": lambda p: _other(p, iat=int(p.now().timestamp()) + 600),
    "nobody": lambda p: _without(p, "sub"),
    "empty subject": lambda p: _other(p, sub=""),
    "at_hash": lambda p: _other(p, at_hash="of another token"),
    "unsigned": _none,
    "signature": _foreign,
    "cut": _cut,
    "public key as a secret": _with_public_key,
    "our secret": _with_our_secret,
    "no token": lambda p: setattr(p, "forge", lambda _: "not a token"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_token_that_does_not_stand_every_check_lets_nobody_in(
    world: World, way: Way, provider: OidcProvider, lie: str
) -> None:
    LIES[lie](provider)  # type: ignore[no-untyped-call]

    answer = way.all_of_it()

    assert (403, True) == (answer.status_code, "cannot be relied on" in answer.text)
    assert is_out(way.browser)
    assert [] == world.rows(tables.person) == world.rows(tables.session)


def test_a_key_that_was_exchanged_is_found(world: World, way: Way, provider: OidcProvider) -> None:
    way.all_of_it()
    provider.key = jwk.RSAKey.generate_key(2048, auto_kid=True)

    assert 303 == Way(Browser(world.app.test_client())).all_of_it().status_code


@pytest.mark.parametrize("single_use", [True, False])
def test_an_answer_is_good_once_however_careless_the_institution(
    world: World, way: Way, provider: OidcProvider, *, single_use: bool
) -> None:
    provider.single_use = single_use
    address = way.leave()
    [kept] = [c for c in [way.browser.client.get_cookie("__Host-vaultbridge-away")] if c]
    answer = way.answer(address)
    assert 303 == way.back(answer).status_code
    thief = Way(Browser(world.app.test_client()))
    thief.browser.client.set_cookie("__Host-vaultbridge-away", kept.value)

    again = thief.back(answer)

    assert (400, True) == (again.status_code, "has ended" in again.text)
    assert is_out(thief.browser)


def test_a_code_of_another_sign_in_is_of_no_use(
    world: World, way: Way, provider: OidcProvider
) -> None:
    """Somebody slips a code of their own into another's sign-in, whose verifier does not fit."""
    mine = way.answer(way.leave())
    victim = Way(Browser(world.app.test_client()))
    theirs = victim.answer(victim.leave())

    answer = victim.back({**theirs, "code": mine["code"]})

    assert 403 == answer.status_code
    assert is_out(victim.browser)


@pytest.mark.parametrize("change", ["state", "cookie", "late", "issuer", "no code"])
def test_who_did_not_begin_here_does_not_come_in(world: World, way: Way, change: str) -> None:
    answer = way.answer(way.leave())
    if change == "state":
        answer["state"] = "another"
    elif change == "cookie":
        way.browser.client.delete_cookie("__Host-vaultbridge-away")
    elif change == "late":
        world.later(minutes=11)
    elif change == "issuer":
        answer["iss"] = "https://evil.example"
    else:
        del answer["code"]
        answer["error"] = "access_denied"

    told = way.back(answer)

    assert told.status_code in (400, 403)
    assert is_out(way.browser)
    assert [] == world.rows(tables.session)


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "ftp://127.0.0.1/token"},
        {"token_endpoint": "http://10.255.255.1/token"},  # inside a network of ours
        {"jwks_uri": None},
    ],
)
def test_an_institution_out_of_reach_is_said_in_words(
    world: World, way: Way, provider: OidcProvider, discovery: dict[str, Any]
) -> None:
    provider.discovery = discovery

    answer = way.browser.get("/sign-in/institution")
    if answer.status_code == 303:
        answer = way.back(way.answer(answer.headers["Location"]))

    assert (503, True) == (answer.status_code, "does not answer" in answer.text)
    assert is_out(way.browser)


@pytest.mark.parametrize("status", [200, 429, 500])
def test_a_token_endpoint_that_fails_is_said_in_words(
    way: Way, provider: OidcProvider, status: int
) -> None:
    provider.broken = Response("<html>Sorry</html>", status=status)

    assert 503 == way.all_of_it().status_code


def test_the_doctor_says_what_is_wrong_with_it(world: World, provider: OidcProvider) -> None:
    assert WELL == found(world, "sign-in")

    provider.discovery = {"issuer": "https://other.example"}
    gone = Grant.read("readers=viewer site:gone")
    [first, second], _ = found(world, "sign-in", oidc_roles=(gone,))

    assert "BRIDGE_OIDC_ISSUER" in first
    assert "readers=viewer site:gone: There is no issuer or site of the name gone" in second


def test_an_admin_with_a_password_comes_in_while_the_institution_is_down(
    world: World, way: Way, provider: OidcProvider
) -> None:
    add_person(world, "root@staff.example", Role.ADMIN)
    provider.discovery = {"issuer": "gone"}

    assert 303 == way.browser.sign_in("root@staff.example", PASSWORD).status_code
    assert 200 == way.browser.get("/people").status_code


def test_the_role_of_who_signs_in_by_the_institution_is_its_own_to_give(
    world: World, way: Way, signed_in: SignedIn
) -> None:
    way.all_of_it()
    admin = signed_in(Role.ADMIN)
    [row] = [row for row in world.rows(tables.person) if row.email == "ada@uni.example"]

    page = admin.text("/people")
    answer = admin.client.post(
        f"/console/people/{row.id}",
        data={**admin.form, "act": "change", "role": "viewer"},
        headers=OURS,
    )

    assert "signs in by the institution" in page
    assert (409, True) == (answer.status_code, "signs in by the institution" in answer.text)
