"""The page of tokens: made and shown once, never more than one's own, revoked."""

from __future__ import annotations

import re

from bridge.people import tokens
from bridge.people.roles import Limits, Role
from bridge.store import tables
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import SITE, World

GIVEN = {"name": "nightly", "scope": "read", "days": "30"}


def test_an_admin_makes_a_token_which_is_shown_once_and_revokes_it(
    world: World, signed_in: SignedIn
) -> None:
    admin = signed_in(Role.ADMIN)
    made = admin.post("/tokens", **GIVEN)
    found = re.search(r"vbt_[\w-]+", made.text)
    assert found

    listed = admin.text("/tokens")
    row = world.one(tables.api_token)

    assert tokens.caller(world.bridge, found[0])
    assert "nightly" in listed
    assert "vbt_" not in listed
    assert 303 == admin.post(f"/tokens/{row.id}/revoke").status_code
    assert tokens.caller(world.bridge, found[0]) is None
    assert "revoked" in admin.text("/tokens")
    assert 404 == admin.post("/tokens/tk_none/revoke").status_code


def test_each_mistake_is_told_beside_its_field_and_nothing_typed_is_lost(
    world: World, signed_in: SignedIn
) -> None:
    admin = signed_in(Role.ADMIN)
    for given, said in (
        ({"name": ""}, "Say which program"),
        ({"scope": "all"}, "Choose one of the scopes"),
        ({"days": "0"}, "from 1 to 366"),
        ({"days": "²"}, "from 1 to 366"),
        ({"courses": "BIO"}, "SITE/COURSE"),
        ({}, "no issuer or site of the name kept-site"),
    ):
        answer = admin.post("/tokens", **{**GIVEN, "sites": "kept-site", **given})

        assert (422, True) == (answer.status_code, said in answer.text)
        assert 'value="kept-site"' in answer.text
    assert [] == world.rows(tables.api_token)


def test_whoever_is_limited_gives_no_more_and_sees_their_own_alone(
    world: World, signed_in: SignedIn
) -> None:
    whole = signed_in(Role.ADMIN)
    whole.post("/tokens", **GIVEN)
    some = signed_in(Role.ADMIN, Limits(sites=frozenset({SITE})))

    refused = some.post("/tokens", **GIVEN)
    made = some.post("/tokens", **{**GIVEN, "name": "faculty", "sites": SITE})
    others = world.rows(tables.api_token)[0]

    assert (422, True) == (refused.status_code, f"sites {SITE}" in refused.text)
    assert "vbt_" in made.text
    assert "nightly" not in some.text("/tokens")
    assert f'value="{SITE}"' in some.text("/tokens")
    assert 404 == some.post(f"/tokens/{others.id}/revoke").status_code
