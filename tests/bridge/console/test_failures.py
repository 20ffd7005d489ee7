"""Support staff find a group of failures, see what a repair would do, and replay the group."""

from __future__ import annotations

import pytest

from bridge.console import failures as pages
from bridge.people.roles import Limits, Role
from bridge.store import tables
from tests.bridge.console.conftest import SignedIn
from tests.bridge.world import SITE, World

NAMELESS = "complete.missing.full_name"
WRONG = ("{{ learner.full_name }}", "{{ learner.custom.nickname }}")


@pytest.fixture
def nameless(world: World) -> World:
    """Three are held for a mapping's mistake, in two courses; the mapping is mended."""
    world.add_mapping(WRONG)
    for who, course in (("ada", "42"), ("bob", "42"), ("eve", "77")):
        world.complete(who, course={"id": course})
    world.run("normalise")
    world.add_mapping()
    return world


def states(world: World) -> dict[str, str]:
    return {row.learner_id: row.state for row in world.rows(tables.issuance)}


def test_a_group_is_looked_at_replayed_and_worked_off_by_a_worker(
    nameless: World, signed_in: SignedIn
) -> None:
    visitor = signed_in(Role.SUPPORT)

    preview = visitor.text(f"/failures/{NAMELESS}/repair")
    assert "<strong>3</strong> would be looked up in the LMS and mapped again" in preview
    assert 3 == preview.count("would be issued")
    assert "still fails" in visitor.text(f"/failures/{NAMELESS}/repair?mapping=original")
    assert {"held"} == set(states(nameless).values()), "nothing was changed"

    answer = visitor.post(f"/failures/{NAMELESS}/replay", reason="The mapping is mended")
    path = answer.headers["Location"].removeprefix("/console")
    begun = visitor.text(path)
    nameless.run("reconcile", "normalise")
    ended = visitor.text(path)

    assert (303, True) == (answer.status_code, "reconcile" in nameless.rung)
    assert ("data-renew" in begun, "data-renew" in ended) == (True, False)
    assert "<strong>3</strong> set going again" in ended
    assert {"ready"} == set(states(nameless).values())
    row = nameless.one(tables.replay)
    assert ("support-0@staff.example", "The mapping is mended") == (row.who, row.reason)
    assert path.rpartition("/")[2] in visitor.text("/replays")
    assert 404 == visitor.get(f"/failures/{NAMELESS}").status_code


def test_who_is_limited_sees_and_repairs_what_is_theirs_alone(
    nameless: World, signed_in: SignedIn
) -> None:
    other = signed_in(Role.SUPPORT).post(f"/failures/{NAMELESS}/replay").headers["Location"]
    visitor = signed_in(Role.SUPPORT, Limits(courses=frozenset({f"{SITE}/77"})))

    group = visitor.text(f"/failures/{NAMELESS}")
    preview = visitor.text(f"/failures/{NAMELESS}/repair")
    mine = visitor.post(f"/failures/{NAMELESS}/replay").headers["Location"]

    assert ("77 · eve" in group, "bob" in group) == (True, False)
    assert "Replay all 1" in preview
    told = visitor.text("/replays")
    assert (True, False) == (mine in told, other in told)
    assert 404 == visitor.get(other.removeprefix("/console")).status_code
    for row in nameless.rows(tables.replay)[:1]:
        nameless.change(tables.replay, row.id, next_run_at=None)
    nameless.run("reconcile", "normalise")
    assert {"ada": "held", "bob": "held", "eve": "ready"} == states(nameless)


def test_members_are_told_a_page_at_a_time(
    nameless: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SHOWN", 2)
    visitor, path, seen = signed_in(), f"/failures/{NAMELESS}", []
    while path:
        text = visitor.text(path)
        seen.append([who for who in ("ada", "bob", "eve") if f"· {who}<" in text])
        _, found, rest = text.partition(f'href="/console/failures/{NAMELESS}?after=')
        path = f"/failures/{NAMELESS}?after=" + rest.partition('"')[0] if found else ""

    assert [["bob", "eve"], ["ada"]] == seen


def test_all_members_are_a_table_to_take_away(
    nameless: World, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "CSV_AT_ONCE", 2)
    lines = signed_in().text(f"/failures/{NAMELESS}/members.csv").splitlines()
    teacher = signed_in(Role.VIEWER, Limits(courses=frozenset({f"{SITE}/77"})))

    assert (4, True) == (len(lines), lines[0].lstrip("\ufeff").startswith("id,kind,site,"))
    mine = teacher.text(f"/failures/{NAMELESS}/members.csv")
    assert (True, False) == (",eve," in mine, ",bob," in mine)


def test_what_no_replay_sets_going_says_what_does(world: World, signed_in: SignedIn) -> None:
    world.vault.tokens.clear()
    world.issue()
    [cause] = {row.cause for row in world.rows(tables.issuer)}

    visitor = signed_in(Role.SUPPORT)
    answer = visitor.post(f"/failures/{cause}/replay")

    assert (409, True) == (answer.status_code, "vaultbridge issuer rotate main" in answer.text)
    assert "See what a replay" not in visitor.text(f"/failures/{cause}")
    assert [] == world.rows(tables.replay)


def test_a_reason_that_is_too_long_is_told_beside_its_field(
    nameless: World, signed_in: SignedIn
) -> None:
    answer = signed_in(Role.SUPPORT).post(f"/failures/{NAMELESS}/replay", reason="x" * 501)

    assert (422, True) == (answer.status_code, "At most 500 characters" in answer.text)
    assert "x" * 501 in answer.text
    assert [] == nameless.rows(tables.replay)
