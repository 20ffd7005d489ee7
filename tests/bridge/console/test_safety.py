"""What holds for every page: its headers and cookies, how much it takes, what is said when
something it stands on is gone."""

from __future__ import annotations

import pytest
import redis
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from bridge.console.door import HEADERS, LARGEST_FORM
from bridge.people.roles import Role
from bridge.store import people
from tests.bridge.console.conftest import Browser, SignedIn
from tests.bridge.console.test_door import address, routes
from tests.bridge.world import World

GUARDED = ("__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/")


@pytest.fixture
def kind() -> str:
    return "sqlite"


def test_every_route_answers_with_every_header_and_sets_no_bare_cookie(
    world: World, signed_in: SignedIn, browser: Browser
) -> None:
    visitors = (browser, signed_in(Role.ADMIN))
    wrong = []
    for rule, method in routes(world):
        if rule.endpoint == "console.sign_out":
            continue  # the last
        path = address(rule, world).removeprefix("/console")
        for visitor in visitors:
            answer = visitor.get(path) if method == "GET" else visitor.post(path)
            lacking = [n for n, v in HEADERS.items() if answer.headers.get(n) != v]
            bare = [
                one
                for one in answer.headers.getlist("Set-Cookie")
                if not all(
                    word in one for word in ("__Host-", "Secure", "HttpOnly", "SameSite=Lax")
                )
            ]
            if lacking or bare:
                wrong.append((rule.endpoint, method, lacking, bare))

    assert [] == wrong


def test_a_form_that_is_too_large_is_said_in_words_and_does_nothing(
    world: World, signed_in: SignedIn, browser: Browser
) -> None:
    admin = signed_in(Role.ADMIN)
    for visitor, path in ((admin, "/people"), (browser, "/sign-in")):
        answer = visitor.post(path, name="x" * (LARGEST_FORM + 1))

        assert (413, True, True) == (
            answer.status_code,
            "too large" in answer.text,
            "256 kB" in answer.text,
        )


def _gone(*_: object, **__: object) -> None:
    raise OperationalError("SELECT ada@staff.example", {}, Exception("no route to host"))


def test_a_lost_database_is_said_in_words(
    world: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = signed_in(Role.ADMIN)
    monkeypatch.setattr(people, "signed_in", _gone)

    answer = visitor.get("/people")

    assert (503, "30") == (answer.status_code, answer.headers["Retry-After"])
    assert "The database does not answer" in answer.text
    assert "no route" not in answer.text


def test_a_lost_redis_is_said_in_words(
    world: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: sa.Connection) -> None:
        raise redis.ConnectionError("unix:///secret.sock")

    visitor = signed_in(Role.ADMIN)
    monkeypatch.setattr(people, "everybody", gone)

    answer = visitor.get("/people")

    assert (503, True) == (answer.status_code, "The queue does not answer" in answer.text)
    assert "secret.sock" not in answer.text
