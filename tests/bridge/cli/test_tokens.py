"""Tokens on the command line: made once, listed, revoked."""

from __future__ import annotations

from bridge.people import tokens
from bridge.people.roles import Role
from tests.bridge.cli.conftest import Run
from tests.bridge.world import SITE, World

SUE = "sue@staff.example"


def test_a_token_is_made_listed_and_revoked(run: Run, world: World) -> None:
    assert "vaultbridge tokens new" in run("tokens").out
    token = run("tokens", "new", "nightly", "--scope", "support", "--site", SITE).out.strip()
    [told] = run("tokens", "--json").json

    caller = tokens.caller(world.bridge, token)
    assert caller is not None
    assert (Role.SUPPORT, "token nightly", True) == (caller.role, caller.who, caller.is_limited)
    assert ("nightly", "support", None, {"sites": [SITE]}) == (
        told["name"],
        told["scope"],
        told["person"],
        told["limits"],
    )
    assert token not in str(told)
    assert "is revoked" in run("tokens", "revoke", told["id"]).out
    assert "was revoked before" in run("tokens", "revoke", told["id"]).out
    assert tokens.caller(world.bridge, token) is None


def test_a_persons_token_is_never_more_than_theirs(run: Run, world: World) -> None:
    run("people", "invite", SUE, "--name", "Sue", "--role", "viewer", "--site", SITE)

    wider = run("tokens", "new", "t", "--person", SUE)
    higher = run("tokens", "new", "t", "--person", SUE, "--scope", "admin", "--site", SITE)
    hers = run("tokens", "new", "t", "--person", SUE, "--site", SITE)

    assert (1, True) == (wider.code, "Limit the token" in wider.err)
    assert (1, True) == (higher.code, "Choose read" in higher.err)
    assert 0 == hers.code
    assert [SUE] == [one["person"] for one in run("tokens", "--json").json]


def test_mistakes_say_the_next_move(run: Run, world: World) -> None:
    assert "vaultbridge tokens" in run("tokens", "revoke", "tk_none").err
    assert "SITE/COURSE" in run("tokens", "new", "t", "--course", "BIO").err
    assert "There is no issuer or site" in run("tokens", "new", "t", "--site", "nowhere").err
    assert "1 to 64" in run("tokens", "new", "x" * 65).err
    assert "vaultbridge people" in run("tokens", "new", "t", "--person", "no@x.example").err
