"""Tokens: who may call what, over every route."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa

from tests.vault.web.routes import ROUTES, Route, all_of, call
from tests.vault.world import World, upload
from vault.addresses import API
from vault.store.institutions import USE_NOTED_EVERY, revoke_token
from vault.store.tables import token
from vault.tokens import Permission

UNAUTHORIZED = {"message": "Unauthorized - Invalid API token"}


def test_no_route_is_missing_from_these_tests(world: World) -> None:
    assert {(route.method, route.path) for route in ROUTES} == all_of(world.app)


@pytest.fixture
def uuid(client: httpx.Client) -> str:
    found: str = upload(client).json()["data"]["uuid"]
    return found


@pytest.mark.parametrize("route", ROUTES)
def test_the_right_permission_alone_suffices(world: World, uuid: str, route: Route) -> None:
    with world.client(world.token(1, {route.permission})) as client:
        assert route.found == call(client, route, uuid).status_code


@pytest.mark.parametrize("route", ROUTES)
def test_all_other_permissions_together_do_not(world: World, uuid: str, route: Route) -> None:
    with world.client(world.token(1, set(Permission) - {route.permission})) as client:
        answer = call(client, route, uuid)

    assert 403 == answer.status_code
    assert {
        "message": "Forbidden - Insufficient permissions",
        "required_permission": route.permission.value,
    } == answer.json()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("text", [None, "", "vault_wrong", "x" * 5000])
def test_without_a_valid_token_nobody_gets_in(
    world: World, uuid: str, route: Route, text: str | None
) -> None:
    with world.client(None) as client:
        if text is not None:
            client.headers["Authorization"] = f"Bearer {text}"
        answer = call(client, route, uuid)

    assert (401, UNAUTHORIZED) == (answer.status_code, answer.json())
    assert "Bearer" == answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", ["Bearer ü", "Bearer \x7f", "Bearer \udcff", "B\x00"])
def test_a_token_of_odd_bytes_is_none(world: World, header: str) -> None:
    answer = world.app.test_client().get(API, environ_overrides={"HTTP_AUTHORIZATION": header})

    assert (401, UNAUTHORIZED) == (answer.status_code, answer.get_json())


def test_a_token_under_another_scheme_is_none(world: World, client: httpx.Client) -> None:
    text = world.token(1)

    for header in (text, f"Basic {text}", f"Token {text}"):
        answer = client.get(API, headers={"Authorization": header})
        assert 401 == answer.status_code
    assert 200 == client.get(API, headers={"Authorization": f"bearer {text}"}).status_code


def test_an_expired_and_a_revoked_token_are_as_unknown_ones(
    world: World, client: httpx.Client
) -> None:
    expired = world.token(1, lasts=timedelta(seconds=-1))
    revoked = world.token(1)
    with world.vault.database.write() as conn:
        assert 1 == revoke_token(conn, revoked[:12], now=datetime.now(UTC))

    for text in (expired, revoked):
        with world.client(text) as other:
            answer = other.get(API)
            assert (401, UNAUTHORIZED) == (answer.status_code, answer.json())
    with world.client(world.token(1, lasts=timedelta(hours=1))) as other:
        assert 200 == other.get(API).status_code


def test_only_a_hash_of_a_token_is_kept(each_world: World) -> None:
    text = each_world.token(each_world.institution("ABC University"))
    with each_world.client(text) as client:
        assert 200 == client.get(API).status_code

    with each_world.vault.database.read() as conn:
        row = conn.execute(sa.select(token)).one()
    assert text[:12] == row.prefix
    assert not any(text[13:] in str(value) for value in row)


def test_a_tokens_use_is_noted_but_not_with_every_request(each_world: World) -> None:
    client = each_world.client(each_world.token(each_world.institution("ABC University")))
    with client:
        client.get(API)
        first = _last_used(each_world)
        client.get(API)
        second = _last_used(each_world)
        with each_world.vault.database.write() as conn:
            conn.execute(sa.update(token).values(last_used_at=first - USE_NOTED_EVERY))
        client.get(API)

    assert first == second
    assert first <= _last_used(each_world)


def test_a_use_that_cannot_be_noted_holds_up_nobody(world: World, client: httpx.Client) -> None:
    with world.vault.database.write() as conn:
        # As where the disk is full: SQLite takes the whole transaction back.
        conn.exec_driver_sql(
            "CREATE TRIGGER full BEFORE UPDATE ON token "
            "BEGIN SELECT RAISE(ROLLBACK, 'disk full'); END"
        )

    assert 200 == client.get(API).status_code


def _last_used(world: World) -> datetime:
    with world.vault.database.read() as conn:
        found: datetime = conn.execute(sa.select(token.c.last_used_at)).scalar_one()
    return found
