"""Every call is for the scopes it is for: tested over all routes and all scopes."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.routing import Rule

from bridge.api.door import Calls
from bridge.errors import API
from bridge.people import entering, tokens
from bridge.people.roles import Limits, Role
from bridge.people.tokens import Maker, Scope
from bridge.store import people, tables
from runtime.allowances import RateLimit
from tests.bridge.api.conftest import BY_HAND, MakeProgram, Program
from tests.bridge.world import SITE, World

OPEN = {"api.static", "api.openapi", "api.docs"}


def calls(world: World) -> Calls:
    found = world.app.blueprints["api"]
    assert isinstance(found, Calls)
    return found


def routes(world: World) -> list[tuple[Rule, str]]:
    """Every rule of the API with each of its methods."""
    return [
        (rule, method)
        for rule in world.app.url_map.iter_rules()
        if rule.endpoint.startswith("api.") and rule.endpoint not in OPEN
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


def ask(program: Program, rule: Rule, method: str, world: World) -> Any:
    adapter = world.app.url_map.bind("localhost")
    path = adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, "1"))
    path = path.removeprefix(API)
    return program.get(path) if method == "GET" else program.post(path)


def test_each_call_says_whom_it_is_for(world: World) -> None:
    named = {rule.endpoint for rule, _ in routes(world)}

    assert named == set(calls(world).roles) - OPEN
    assert None not in {calls(world).roles[name] for name in named}


def test_one_that_says_nothing_cannot_be_registered(world: World) -> None:
    with pytest.raises(TypeError, match="role"):
        calls(world).call("/nobody", answer=None)  # type: ignore[call-arg]


@pytest.mark.parametrize("scope", [None, *Scope])
def test_every_route_lets_in_the_scopes_it_is_for_and_no_other(
    world: World, program: MakeProgram, scope: Scope | None
) -> None:
    visitor, told = program(scope), {}
    for rule, method in routes(world):
        answer = ask(visitor, rule, method, world)
        needed = calls(world).roles[rule.endpoint]
        assert needed is not None
        may = scope is not None and scope.role.covers(needed)
        turned_away = answer.status_code in (401, 403)
        told[rule.endpoint] = (may, not turned_away, answer.status_code < 500)

    assert {name: (may, may, True) for name, (may, _, _) in told.items()} == told


def test_a_person_who_sees_some_sees_no_call_of_the_whole_installation(
    world: World, program: MakeProgram
) -> None:
    visitor = program(Scope.ADMIN, Limits(sites=frozenset({SITE})))
    told = {
        rule.endpoint: ask(visitor, rule, method, world).status_code
        for rule, method in routes(world)
        if rule.endpoint in calls(world).whole
    }

    assert {403} >= set(told.values())


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dTpw",
        "Bearer vbt_nobody",
        "Bearer \u00e9",
        "Bearer " + "x" * 999,
    ],
)
def test_without_a_good_token_nothing_is_told_but_where_to_get_one(
    world: World, header: str
) -> None:
    answer = world.app.test_client().get(
        f"{API}/issuances", headers={"Authorization": header} if header else {}
    )

    assert 401 == answer.status_code
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    assert "vaultbridge tokens new" in answer.get_json()["error"]["message"]


def test_a_session_of_the_console_is_no_token(world: World, program: MakeProgram) -> None:
    link = entering.first_link(world.bridge, who="test")
    assert link
    session = entering.accept(
        world.bridge, link.rpartition("/")[2], "a long sentence", email="ada@x.example", name="Ada"
    )

    assert 401 == Program(world.app.test_client(), session).get("/issuances").status_code


def test_a_token_ends_by_its_time_by_being_revoked_and_with_its_person(
    world: World, program: MakeProgram
) -> None:
    entering.invite(
        world.bridge,
        "ada@staff.example",
        name="Ada",
        role=Role.VIEWER,
        limits=Limits(),
        who="test",
    )
    ada = world.one(tables.person)
    hers = program(Scope.READ, by=tokens.maker(ada, who=ada.email))
    short = program(Scope.READ)
    revoked = program(Scope.READ)
    for one in (hers, short, revoked):
        assert 200 == one.get("/issuances").status_code

    tokens.revoke(world.bridge, world.rows(tables.api_token)[2].id, who="alice")
    entering.remove(world.bridge, ada.email, who="alice")
    assert (401, 200, 401) == tuple(
        one.get("/issuances").status_code for one in (hers, short, revoked)
    )

    world.later(days=tokens.DAYS + 1)
    assert 401 == short.get("/issuances").status_code


def test_a_token_may_never_more_than_its_person_may_now(world: World, program: MakeProgram) -> None:
    entering.invite(
        world.bridge,
        "sue@staff.example",
        name="Sue",
        role=Role.SUPPORT,
        limits=Limits(),
        who="test",
    )
    sue = world.one(tables.person)
    with pytest.raises(tokens.MoreThanOwn, match="more than your own role"):
        program(Scope.ADMIN, by=tokens.maker(sue, who=sue.email))
    hers = program(Scope.SUPPORT, by=tokens.maker(sue, who=sue.email))
    world.generate()
    path = f"/issuances/{world.issuance.id}"
    assert 409 == hers.post(f"{path}/replay").status_code

    entering.give_role(world.bridge, sue.email, Role.VIEWER, who="alice")
    assert 403 == hers.post(f"{path}/replay").status_code
    assert 200 == hers.get(path).status_code

    with world.bridge.database.write() as conn:
        people.change(conn, sue.id, limits={"sites": ["signed-main"]})
    assert 404 == hers.get(path).status_code
    assert [] == hers.told("/issuances")["items"]


def test_limits_hold_for_lists_and_single_rows_and_for_what_is_made(
    world: World, program: MakeProgram
) -> None:
    world.generate()
    path = f"/issuances/{world.issuance.id}"
    inside = program(Scope.ADMIN, Limits(courses=frozenset({f"{SITE}/42"})))
    beyond = program(Scope.ADMIN, Limits(courses=frozenset({f"{SITE}/43"})))
    told = [
        (len(one.told("/issuances")["items"]), one.get(path).status_code)
        for one in (inside, beyond)
    ]

    assert [(1, 200), (0, 404)] == told
    assert 404 == beyond.get(f"{path}/file").status_code
    assert 404 == beyond.post(f"{path}/replay").status_code
    wider = beyond.post("/tokens", {"name": "wider"})
    assert (403, True) == (wider.status_code, "SITE/43" in wider.text.replace(SITE, "SITE"))
    same = {"name": "same", "limits": {"courses": [f"{SITE}/43"]}}
    assert 201 == beyond.post("/tokens", same).status_code


def test_a_token_that_asks_too_often_waits(world: World, program: MakeProgram) -> None:
    visitor, other = program(), program()
    usual = calls(world)._rate
    calls(world)._rate = RateLimit(2, monotonic=lambda: 20.0)
    try:
        told = [visitor.get("/issuances") for _ in range(3)]
        beside = other.get("/issuances")
    finally:
        calls(world)._rate = usual

    assert [200, 200, 429] == [one.status_code for one in told]
    assert ("60", "1") == (told[2].headers["Retry-After"], told[0].headers["X-RateLimit-Remaining"])
    assert 200 == beside.status_code


def test_only_a_tokens_hash_is_kept_and_its_use_is_written_down(
    world: World, program: MakeProgram
) -> None:
    visitor = program()
    visitor.get("/issuances")

    row = world.one(tables.api_token)
    assert visitor.token not in " ".join(map(str, row))
    assert world.clock.now() >= row.last_used_at
    assert "made with scope read" == world.one(tables.event).what


def test_every_answer_is_guarded_and_errors_have_one_shape(
    world: World, program: MakeProgram
) -> None:
    visitor = program()
    asked = [
        visitor.get("/issuances"),
        visitor.get("/nowhere"),
        visitor.post("/issuances"),
        visitor.get("/issuances/is_nothing"),
        visitor.get("/issuances/%00"),
        visitor.get("/issuances", stat="held"),
        visitor.client.get(f"{API}/docs"),
    ]

    assert [200, 404, 405, 404, 404, 422, 200] == [one.status_code for one in asked]
    for one in asked[1:6]:
        assert {"code", "message"} <= set(one.get_json()["error"])
    assert {"stat": ["Unknown field."]} == asked[5].get_json()["error"]["fields"]["query"]
    for one in (asked[0], asked[3], asked[6]):
        assert "frame-ancestors 'none'" in one.headers["Content-Security-Policy"]
        assert "no-store" == one.headers["Cache-Control"]


def test_bad_bodies_are_told_apart(world: World, program: MakeProgram) -> None:
    visitor = program(Scope.ADMIN)

    def send(data: bytes, kind: str = "application/json") -> int:
        return visitor.client.post(
            f"{API}/tokens", data=data, content_type=kind, headers=visitor.headers
        ).status_code

    assert 400 == send(b"{")
    assert 422 == send(b"[]")
    assert 422 == send(b'{"name": "a\\u0000b"}')
    assert 422 == send(b'{"name": "\\ud800"}')
    assert 422 == send(b'{"name": "a", "surprise": 1}')
    assert 415 == send(b"name=a", "application/x-www-form-urlencoded")
    assert BY_HAND.person_id is None
    assert isinstance(BY_HAND, Maker)
