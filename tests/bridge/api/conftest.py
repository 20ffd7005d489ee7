"""Programs with tokens of every scope and limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from bridge.errors import API
from bridge.people import tokens
from bridge.people.roles import NO_LIMITS, Limits
from bridge.people.tokens import Maker, Scope
from tests.bridge.acts import written_down
from tests.bridge.world import World

BY_HAND = Maker(person_id=None, who="alice")


@dataclass
class Program:
    """A program that calls the API."""

    client: FlaskClient
    token: str | None = None

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(f"{API}{path}", query_string=query, headers=self.headers)

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> TestResponse:
        headers = self.headers | ({} if key is None else {"Idempotency-Key": key})
        with written_down(f"POST {path}"):
            return self.client.post(f"{API}{path}", json=body or {}, headers=headers)

    def told(self, path: str, **query: Any) -> Any:
        """What is answered, where that is 200."""
        answer = self.get(path, **query)
        assert 200 == answer.status_code, answer.text
        return answer.get_json()

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}


MakeProgram = Callable[..., Program]


@pytest.fixture
def kind() -> str:
    """What the API adds to both databases is tried on both in tests/bridge/api/test_once.py."""
    return "sqlite"


@pytest.fixture
def program(world: World) -> MakeProgram:
    """Gives a program with a token of a scope, with limits; without one if that is None."""

    def make(
        scope: Scope | None = Scope.READ, limits: Limits = NO_LIMITS, by: Maker = BY_HAND
    ) -> Program:
        if scope is None:
            return Program(world.app.test_client())
        _, token = tokens.make(world.bridge, "program", scope=scope, by=by, limits=limits)
        return Program(world.app.test_client(), token)

    return make
