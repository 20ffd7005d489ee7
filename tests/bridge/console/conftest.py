"""People of every role, and browsers they are signed in on."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from bridge.people import entering
from bridge.people.roles import NO_LIMITS, Limits, Role
from bridge.store import people
from tests import ports
from tests.bridge.acts import written_down
from tests.bridge.world import World

PASSWORD = "correct horse battery staple"
CHROMIUM = shutil.which("chromium")
LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
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


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """Where the console is served."""
    port = ports.free_port()
    server = make_server("127.0.0.1", port, world.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{port}/console"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    """A page of a fresh browser; what its scripts complain about is a failure."""
    context = chromium.new_context(viewport=LAPTOP, timezone_id="Asia/Dubai", locale="en-GB")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    # A form that is answered 422 is none of a script's errors, though Chromium lists it there.
    page.on(
        "console",
        lambda said: (
            wrong.append(said.text) if said.type == "error" and " 422 " not in said.text else None
        ),
    )
    yield page
    context.close()
    assert [] == wrong
