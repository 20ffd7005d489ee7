"""Where LMSs deliver: what is answered, and what is on disk when it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bridge.app import create_app
from bridge.store import deliveries, tables
from connectors.base import InboundRequest, Temporary
from runtime import schema
from runtime.bell import Bell
from runtime.database import Database
from tests.bridge.world import SITE, World

MEGABYTE = 1024 * 1024
DOWN = {
    "error": {
        "code": "unavailable",
        "message": "The bridge cannot store anything now. Send it again later.",
    }
}


def test_a_genuine_delivery_is_stored_whole_before_it_is_answered(world: World) -> None:
    response = world.post(world.body(), path=f"/hooks/scripted/{SITE}/a/b?x=1&y=%E2%9C%93")

    row = world.one(tables.delivery)
    assert (202, {"delivery": row.id, "outcome": "stored"}) == (
        response.status_code,
        response.get_json(),
    )
    kept = deliveries.unseal(row.request, keys=world.bridge.keys)
    assert ("POST", "a/b", {"x": "1", "y": "✓"}) == (kept.method, kept.path, kept.query)
    assert b'"type": "course.completed"' in kept.body
    assert "webhook-signature" in kept.headers
    assert ["normalise"] == world.rung


def test_a_delivery_sent_again_has_the_first_ones_id(world: World) -> None:
    first = world.post(world.body(), delivery="msg_7")
    world.later()
    again = world.post(world.body(), delivery="msg_7")
    other = world.post(world.body(), delivery="msg_8")

    assert (202, 200, 202) == (first.status_code, again.status_code, other.status_code)
    assert {**first.get_json(), "outcome": "duplicate"} == again.get_json()
    assert 2 == len(world.rows(tables.delivery))


def test_of_the_same_delivery_many_times_at_once_one_is_stored(world: World) -> None:
    body = world.body()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: world.post(body, delivery=f"msg_{n % 4}"), range(24)))

    ids = {row.id for row in world.rows(tables.delivery)}
    assert 4 == len(ids)
    assert [200] * 20 + [202] * 4 == sorted(answer.status_code for answer in answers)
    for n in range(4):
        same = {answer.get_json()["delivery"] for answer in answers[n::4]}
        assert 1 == len(same)
        assert same <= ids


def test_what_comes_at_once_shares_its_bells(world: World) -> None:
    body = world.body()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: world.post(body, delivery=f"msg_{n}"), range(96)))

    assert {202} == {answer.status_code for answer in answers}
    assert 96 == len(world.rows(tables.delivery))
    assert len(world.rung) < 96  # one for each commit that stored something


def test_without_an_id_of_the_senders_the_body_tells_a_repetition(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = type(world.bridge.connector_of(world.site()))
    monkeypatch.setattr(connector, "delivery_id", lambda self, request: None)
    body = world.body()

    answered = [world.post(each).status_code for each in (body, body, world.body("bob"))]

    assert [202, 200, 202] == answered


@pytest.mark.parametrize("below", ["", "/", "/a", "/a/b/", "/a//b"])
def test_a_hook_takes_any_method_and_path_below_it(world: World, below: str) -> None:
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    path = f"/hooks/scripted/{SITE}{below}"

    answers = [world.post(world.body(), method=method, path=path) for method in methods]

    assert [202] * 5 == [answer.status_code for answer in answers]
    kept = [
        deliveries.unseal(row.request, keys=world.bridge.keys)
        for row in world.rows(tables.delivery)
    ]
    assert {(method, below.removeprefix("/")) for method in methods} == {
        (each.method, each.path) for each in kept
    }


def test_whoever_is_not_provably_from_a_site_is_told_the_same_and_only_counted(
    world: World,
) -> None:
    secret = "a-canary-that-must-not-be-kept"
    body = world.body(learner={"full_name": secret})
    forged = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": secret}
    answers = [
        world.post(body, headers=forged),
        world.post(body, headers={}),
        world.post(body, headers={}),
        world.post(body, path="/hooks/scripted/nobody"),
        world.post(body, path=f"/hooks/signed/{SITE}"),
        world.post(body, path=f"/hooks/{secret}/{secret}"),
        world.post(body, path="/hooks/scripted/%00"),
    ]
    world.later(hours=1)
    answers.append(world.post(body, headers={}))

    assert {401} == {answer.status_code for answer in answers}
    assert 1 == len({answer.data for answer in answers})
    assert b'{"error":{"code":"unauthorized","message":"Unauthorized"}}\n' == answers[0].data
    assert [] == world.rows(tables.delivery)
    counted = {(r.site_name, r.hour.hour, r.reason, r.count) for r in world.rows(tables.refusal)}
    assert {
        (SITE, 12, "unverified", 3),
        ("(unknown)", 12, "unknown site", 4),
        (SITE, 13, "unverified", 1),
    } == counted


def test_a_removed_site_is_unknown(world: World) -> None:
    world.change(tables.site, world.site_id, removed_at=world.clock.now())

    assert 401 == world.post(world.body()).status_code


def test_a_delivery_too_large_is_cut_off(world: World) -> None:
    just = world.post(b"x" * MEGABYTE)
    over = world.post(b"x" * (MEGABYTE + 1))

    assert (202, 413) == (just.status_code, over.status_code)
    assert "request_entity_too_large" == over.get_json()["error"]["code"]
    assert 1 == len(world.rows(tables.delivery))


def test_while_the_database_is_down_the_sender_is_asked_to_come_again(
    world: World, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'nowhere' / 'x.sqlite'}")
    client = create_app(replace(world.bridge, database=database)).test_client()

    answers = [
        client.post(f"/hooks/scripted/{SITE}", data=b"{}"),
        client.get("/health/ready"),
        client.get("/health/live"),
    ]

    assert [503, 503, 200] == [answer.status_code for answer in answers]
    assert (DOWN, "30") == (answers[0].get_json(), answers[0].headers["Retry-After"])


def test_what_cannot_be_verified_now_is_to_come_again(world: World) -> None:
    world.lms.verifying.append(Temporary("key server down", retry_after=timedelta(seconds=90)))

    response = world.post(world.body())

    assert (503, "90", DOWN) == (
        response.status_code,
        response.headers["Retry-After"],
        response.get_json(),
    )
    assert [] == world.rows(tables.delivery)


@pytest.mark.parametrize(
    "broken",
    [{"connector": "scripted", "secrets": "encrypted with a lost key"}, {"connector": "gone"}],
    ids=["key lost", "plug-in gone"],
)
def test_a_site_that_cannot_be_used_as_configured_loses_nothing(
    world: World, broken: dict[str, str]
) -> None:
    world.change(tables.site, world.site_id, **broken)

    response = world.post(world.body(), path=f"/hooks/{broken['connector']}/{SITE}")

    assert (503, "30") == (response.status_code, response.headers["Retry-After"])


def test_while_redis_is_down_everything_is_taken(world: World, tmp_path: Path) -> None:
    bell = Bell(f"unix://{tmp_path / 'nowhere.sock'}", service="bridge")
    world.app = create_app(replace(world.bridge, ring=bell.ring))

    assert 202 == world.post(world.body()).status_code
    assert 1 == len(world.rows(tables.delivery))


def test_a_protocol_may_answer_in_its_own_words(world: World) -> None:
    path = f"/hooks/scripted/{SITE}/own-answer"
    first = world.post(world.body(), path=path, delivery="msg_1")
    again = world.post(world.body(), path=path, delivery="msg_1")

    assert (207, b"mine", "stored") == (first.status_code, first.data, first.headers["X-Own"])
    assert "duplicate" == again.headers["X-Own"]


def test_a_fault_of_ours_is_told_without_its_trace(world: World) -> None:
    world.lms.verifying.append(ZeroDivisionError("a-canary"))
    world.app.testing = False

    response = world.post(world.body())

    assert (500, "internal_error") == (
        response.status_code,
        response.get_json()["error"]["code"],
    )
    assert b"canary" not in response.data
    assert response.headers["X-Request-Id"]


def test_every_error_has_one_shape(world: World) -> None:
    client = world.app.test_client()

    answers = [client.get("/nothing/here"), client.post("/health/live"), client.get("/hooks/x")]

    assert [404, 405, 404] == [answer.status_code for answer in answers]
    assert {("code", "message")} == {tuple(a.get_json()["error"]) for a in answers}


def test_a_kept_request_reads_as_it_came(world: World) -> None:
    request = InboundRequest(
        body=bytes(range(256)), headers={"a": "ü"}, method="PUT", path="x/y", query={"k": "v"}
    )

    sealed = deliveries.seal(request, keys=world.bridge.keys)

    kept = deliveries.unseal(sealed, keys=world.bridge.keys)
    told: list[Any] = [kept.body, dict(kept.headers), kept.method, kept.path, dict(kept.query)]
    assert [bytes(range(256)), {"a": "ü"}, "PUT", "x/y", {"k": "v"}] == told


def test_health_says_whether_a_delivery_can_be_stored(world: World) -> None:
    client = world.app.test_client()

    said = client.get("/health/ready").get_json()

    # Redis is nowhere here, and nobody works: deliveries are taken all the same.
    assert ("degraded", "ok", "ok") == (said["status"], said["database"], said["schema"])
    assert ("does not answer", "no sign of life") == (said["redis"], said["processes"]["clock"])
    assert {"status": "ok"} == client.get("/health/live").get_json()


def test_a_schema_of_another_program_is_not_ready(world: World) -> None:
    client = world.app.test_client()

    with world.bridge.database.write() as conn:
        told = sa.text("UPDATE alembic_version SET version_num = :to RETURNING version_num")
        found = schema.revision(conn)
        conn.execute(told, {"to": "0001"})
    answer = client.get("/health/ready")
    with world.bridge.database.write() as conn:
        conn.execute(told, {"to": found})

    assert (503, f"is 0001, this program needs {found}") == (
        answer.status_code,
        answer.get_json()["schema"],
    )


def test_behind_a_trusted_proxy_the_first_address_counts(world: World) -> None:
    settings = replace(world.bridge.settings, trusted_proxies=1)
    app = create_app(replace(world.bridge, settings=settings))
    seen: list[str | None] = []

    @app.before_request
    def look() -> None:
        from flask import request  # noqa: PLC0415

        seen.append(request.remote_addr)

    app.test_client().get("/health/live", headers={"X-Forwarded-For": "203.0.113.7"})

    assert ["203.0.113.7"] == seen


def test_a_delivery_costs_one_question_and_one_row(world: World, migrated_url: str) -> None:
    asked: list[str] = []
    database = Database(migrated_url)  # with the clock that it has in life
    world.app = create_app(replace(world.bridge, database=database))

    @sa.event.listens_for(database.engine, "before_cursor_execute")
    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement.split()[0])

    world.complete()
    database.close()

    assert ["SELECT", "INSERT"] == [word for word in asked if word in ("SELECT", "INSERT")]
