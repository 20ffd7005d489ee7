"""People of every role, and browsers they are signed in on."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bridge.people import entering
from bridge.people.roles import NO_LIMITS, Limits, Role
from bridge.store import people
from tests.bridge.acts import written_down
from tests.bridge.world import World

PASSWORD = "correct horse battery staple"
#: As a browser says it of a form on the page itself.
OURS = {"Sec-Fetch-Site": "same-origin"}
_TOKEN = re.compile(r'name="form" value="([0-9a-f]{64})"')


@dataclass
class Browser:
    """A browser, and what a person does with it."""

    client: FlaskClient
    form: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> TestResponse:
        return self.client.get(f"/console{path}")

    def post(self, path: str, **data: Any) -> TestResponse:
        """Send a form from a page of ours."""
        with written_down(f"POST {path}"):
            return self.client.post(f"/console{path}", data={**self.form, **data}, headers=OURS)

    def text(self, path: str) -> str:
        answer = self.get(path)
        assert 200 == answer.status_code, answer.text
        return answer.text

    def sign_in(self, email: str, password: str = PASSWORD) -> TestResponse:
        answer = self.post("/sign-in", email=email, password=password)
        if answer.status_code == 303:
            found = _TOKEN.search(self.client.get("/console/issuances").text)
            assert found
            self.form = {"form": found[1]}
        return answer


SignedIn = Callable[..., Browser]


def add_person(world: World, email: str, role: Role, limits: Limits = NO_LIMITS) -> None:
    """Somebody who has chosen their password."""
    name = email.partition("@")[0].title()
    with world.bridge.database.write() as conn:
        now = world.bridge.database.now(conn)
        # Their limits may name what was there once.
        row_id = people.add(conn, email, name=name, role=role, limits=limits.packed(), now=now)
        token = people.invite(conn, row_id, now=now)
    entering.accept(world.bridge, token, PASSWORD)


@pytest.fixture
def browser(world: World) -> Browser:
    """Nobody is signed in on it."""
    return Browser(world.app.test_client())


@pytest.fixture
def signed_in(world: World) -> SignedIn:
    """Gives a browser on which somebody of a role, with limits, is signed in."""

    def sign_in(role: Role = Role.VIEWER, limits: Limits = NO_LIMITS) -> Browser:
        email = f"{role}-{len(limits.packed() or {})}@staff.example"
        add_person(world, email, role, limits)
        browser = Browser(world.app.test_client())
        assert 303 == browser.sign_in(email).status_code
        return browser

    return sign_in
