"""A campus in memory at a fixed moment, and the captures of a real Moodle to hold it against."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from campus.app import create_app
from campus.moodle import Moodle, Settings
from campus.state import State

CAPTURES = Path(__file__).parent / "captures"
SERVER = "/webservice/rest/server.php"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
NOW_S = int(NOW.timestamp())

Call = Callable[..., Any]


def capture(name: str) -> dict[str, Any]:
    """Return a recorded REST exchange."""
    found: dict[str, Any] = json.loads((CAPTURES / f"{name}.json").read_text())
    return found


@pytest.fixture
def settings() -> Settings:
    return Settings(wwwroot="http://127.0.0.1:8080", ws_token="WSTOKEN", control=True)


@pytest.fixture
def moodle(settings: Settings) -> Iterator[Moodle]:
    state = State()
    yield Moodle(settings=settings, state=state, now=lambda: NOW)
    state.close()


@pytest.fixture
def client(moodle: Moodle) -> FlaskClient:
    return create_app(moodle).test_client()


@pytest.fixture
def post(client: FlaskClient) -> Callable[[dict[str, str]], TestResponse]:
    def send(form: dict[str, str]) -> TestResponse:
        return client.post(SERVER, data=form)

    return send


@pytest.fixture
def call(post: Callable[[dict[str, str]], TestResponse]) -> Call:
    """Call a function by name; form fields as they stand in a real form."""

    def run(function: str, form: dict[str, Any] | None = None, **fields: Any) -> Any:
        texts = {key: str(value) for key, value in {**(form or {}), **fields}.items()}
        return post(
            {
                "wstoken": "WSTOKEN",
                "wsfunction": function,
                "moodlewsrestformat": "json",
                **texts,
            }
        ).json

    return run


@pytest.fixture
def control(client: FlaskClient) -> Call:
    """Do one thing over /campus/control and return its result."""

    def run(action: str, **order: Any) -> Any:
        answer = client.post("/campus/control", json={"action": action, **order})
        assert (200, None) == (answer.status_code, (answer.json or {}).get("error"))
        return (answer.json or {})["result"]

    return run
