"""Idempotency keys: asked again is answered as the first time, also at once and after a kill."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import g, jsonify

from bridge.api import once
from bridge.people.tokens import Scope
from bridge.pipeline.purge import Purger
from bridge.store import tables
from tests.bridge.api.conftest import MakeProgram, Program
from tests.bridge.world import World


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def admin(program: MakeProgram) -> Program:
    return program(Scope.ADMIN)


def made(world: World) -> list[str]:
    """The tokens that were made by the API."""
    return [row.name for row in world.rows(tables.api_token) if row.name != "program"]


def test_the_same_request_is_done_once_and_answered_alike(world: World, admin: Program) -> None:
    first = admin.post("/tokens", {"name": "nightly"}, key="k-1")
    again = admin.post("/tokens", {"name": "nightly"}, key="k-1")

    assert (201, first.get_json()) == (again.status_code, again.get_json())
    assert ("true", None) == (
        again.headers.get("Idempotency-Replayed"),
        first.headers.get("Idempotency-Replayed"),
    )
    assert ["nightly"] == made(world)
    kept = world.one(tables.api_request)
    assert first.get_json()["token"] not in kept.answer


def test_a_key_means_one_request_of_one_token_for_a_day(
    world: World, admin: Program, program: MakeProgram
) -> None:
    admin.post("/tokens", {"name": "nightly"}, key="k-1")

    other = admin.post("/tokens", {"name": "weekly"}, key="k-1")
    of_another = program(Scope.ADMIN).post("/tokens", {"name": "theirs"}, key="k-1")
    world.later(hours=25)
    next_day = admin.post("/tokens", {"name": "next day"}, key="k-1")

    assert (422, "idempotency_key_used") == (
        other.status_code,
        other.get_json()["error"]["code"],
    )
    assert (201, 201) == (of_another.status_code, next_day.status_code)
    assert ["nightly", "theirs", "next day"] == made(world)


def test_no_answer_is_kept_longer_than_a_day(world: World, admin: Program) -> None:
    admin.post("/tokens", {"name": "nightly"}, key="k-1")

    Purger(bridge=world.bridge).round()
    kept = len(world.rows(tables.api_request))
    world.later(hours=25)
    Purger(bridge=world.bridge).round()

    assert (1, []) == (kept, world.rows(tables.api_request))


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_a_key_that_is_none_is_refused(world: World, admin: Program, key: str) -> None:
    headers = {**admin.headers, "Idempotency-Key": key.encode().decode("latin-1")}
    answer = admin.client.post("/api/v1/tokens", json={"name": "n"}, headers=headers)

    assert (422, []) == (answer.status_code, made(world))


def test_after_an_error_the_key_is_as_if_it_had_not_been_used(world: World, admin: Program) -> None:
    wrong = admin.post("/tokens", {"name": ""}, key="k-1")
    right = admin.post("/tokens", {"name": "nightly"}, key="k-1")

    assert (422, 201) == (wrong.status_code, right.status_code)


def test_of_two_at_once_one_is_done_and_the_other_told_to_wait(
    world: World, admin: Program
) -> None:
    began, goes_on = threading.Event(), threading.Event()

    def slow() -> object:
        began.set()
        assert goes_on.wait(20)
        return jsonify({"done": True})

    def ask(view: object) -> tuple[int, str | None]:
        with world.app.test_request_context(
            "/api/v1/slow", method="POST", json={}, headers={"Idempotency-Key": "k-1"}
        ):
            g.caller = type("Caller", (), {"token_id": token_id})
            said = once.once(world.bridge, view)  # type: ignore[arg-type]
            return said.status_code, said.headers.get("Retry-After")

    token_id = world.one(tables.api_token).id
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, slow)
        assert began.wait(20)
        second = ask(slow)
        goes_on.set()

        assert ((200, None), (409, "120")) == (first.result(20), second)
    assert (200, None) == ask(slow)


class Killed(BaseException):
    """As if the process were gone."""


@pytest.mark.parametrize(("at", "waits"), [("once.done", False), ("once.taken", True)])
def test_one_that_was_killed_is_done_once_all_the_same(
    world: World, admin: Program, monkeypatch: pytest.MonkeyPatch, at: str, waits: bool
) -> None:
    def crash(name: str) -> None:
        if name == at:
            raise Killed

    monkeypatch.setattr(once, "crashpoint", crash)
    monkeypatch.setattr(once, "_forget", lambda _turn: None)
    with pytest.raises(Killed):
        admin.post("/tokens", {"name": "nightly"}, key="k-1")
    monkeypatch.undo()

    again = admin.post("/tokens", {"name": "nightly"}, key="k-1")
    if waits:
        assert (409, []) == (again.status_code, made(world))
        world.later(seconds=int(again.headers["Retry-After"]) + 1)
        again = admin.post("/tokens", {"name": "nightly"}, key="k-1")

    assert (201, ["nightly"]) == (again.status_code, made(world))
    assert again.get_json()["token"].startswith("vbt_")
