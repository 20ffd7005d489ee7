"""A world whose owners are told: by a real mail server, and by a chat on a real port."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.serving import make_server

from bridge.pipeline import telling
from bridge.store import owners
from tests.bridge.world import SITE, World
from tests.mail_server import MailServer, mail_server

OWNER = "alice@example.edu"


@dataclass
class Chat:
    """A chat's incoming webhook, and what it was told."""

    url: str = ""
    said: list[Any] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  #: used up one a message, then 200

    def take(self) -> tuple[str, int]:
        self.said.append(request.get_json())
        return "ok", self.answers.pop(0) if self.answers else 200


@pytest.fixture
def chat() -> Iterator[Chat]:
    chat = Chat()
    app = Flask("chat")
    app.add_url_rule("/hooks/a-secret", view_func=chat.take, methods=["POST"])
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    chat.url = f"http://127.0.0.1:{server.server_port}/hooks/a-secret"
    yield chat
    server.shutdown()
    thread.join()


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def owned(world: World, mails: MailServer, tmp_path: Path) -> World:
    """A world whose site has an owner with a mail address; nothing was told yet."""
    set_up(world, mail_server=mails.url, mail_from="bridge@example.edu", mail_folder=tmp_path / "m")
    own(world, OWNER)
    telling.run_all(world.bridge)
    return world


def set_up(world: World, **settings: Any) -> None:
    """Change settings of a world's bridge."""
    world.bridge = replace(world.bridge, settings=replace(world.bridge.settings, **settings))


def own(world: World, *addresses: str, kind: str = "site") -> None:
    """Give the world's site, or its issuer, these owners."""
    row = world.site(SITE) if kind == "site" else world.issuer
    with world.bridge.database.write() as conn:
        owners.change(conn, row, addresses, kind=kind, keys=world.bridge.keys)


def hear_nothing(world: World) -> None:
    """Let two weeks of weekdays pass with two deliveries a day, then nothing for a day."""
    for _ in range(14):
        for hour in (9, 15):
            world.clock.moment = world.clock.moment.replace(hour=hour)
            world.complete(f"l{world.clock.moment:%d%H}")
        world.later(days=1)
