"""A vault that takes few calls: its list is read over several runs, and sending goes on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from bridge.store import tables
from bridge.store.events import PIPELINE
from tests.bridge.world import World, key
from tests.scripted_vault import Behaviour, Taken, answers, normal

WAIT = timedelta(minutes=1)
ROUND = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
#: One that is not ours: what it is must be asked for by itself.
SOMEBODYS = {"title": "Rowing", "name": "Eve", "email": "eve@x.example", "issue_date": "2026-11-20"}


@dataclass
class Meter:
    """Lets so many calls through, then asks for a minute of peace, as rate limits do."""

    world: World
    most: int
    used: int = 0
    until: datetime | None = None  #: when it counts anew
    refused: int = 0

    def __call__(self, _taken: Taken) -> Behaviour:
        now = self.world.clock.now()
        if self.until is not None and now >= self.until:
            self.used, self.until = 0, None
        if self.used < self.most:
            self.used += 1
            return normal
        self.until = self.until or now + WAIT
        self.refused += 1
        wait = math.ceil((self.until - now).total_seconds())
        return answers(429, headers={"Retry-After": str(wait)})


@pytest.fixture
def issued(world: World) -> World:
    """Ada's certificate is the vault's oldest; pages are short."""
    world.generate()
    world.settle(hours=1)
    world.later(hours=1)
    world.vault.largest_page = 10
    world.vault.queries.clear()
    world.vault.calls.clear()
    return world


def metered(world: World, most: int) -> Meter:
    meter = Meter(world, most)
    world.vault.usual = meter
    return meter


def fill(world: World, count: int, *, ago: timedelta = HOUR, **changed: Any) -> None:
    """Certificates that learners submitted themselves: read, and no matter of ours."""
    made = world.clock.now() - ago
    given = {"name": "Bob", "email": "bob@x.example", "issue_date": None, "source": "customer"}
    for number in range(count):
        title, at = f"Course {made:%d%H%M} {number}", made - timedelta(seconds=number)
        world.vault.put(title=title, created_at=at, **{**given, **changed})


def round_of(world: World) -> Any:
    """One of the clock's runs."""
    world.later(seconds=ROUND.total_seconds())
    return world.reconcile(who=PIPELINE)


def until_whole(world: World, most: int) -> list[Any]:
    """Rounds until one compares everything; no more than so many."""
    runs = [round_of(world)]
    while runs[-1].notices:
        assert len(runs) < most, runs[-1].notices
        runs.append(round_of(world))
    return runs


def pages(world: World, status: str | None = None) -> list[int]:
    """The pages that were read of a list."""
    return [int(q["page"]) for q in world.vault.queries if q.get("status") == status]


def test_where_a_walk_is_cut_short_the_next_run_goes_on_until_it_has_ended(issued: World) -> None:
    fill(issued, 115)
    issued.vault.put(**SOMEBODYS, created_at=issued.clock.now() - HOUR / 2)
    meter = metered(issued, 6)

    *cut, whole = until_whole(issued, 3)

    assert [*range(1, 13)] == pages(issued), "ada's on the last; each of them once"
    assert [1] == pages(issued, "revoked")
    assert (2, 13 + 2, 1) == (
        meter.refused,
        issued.vault.calls["list"],
        issued.vault.calls["view"],
    )
    assert ["The vault answered 429."] * 2 == [run.notices[0]["problem"] for run in cut]
    assert "goes on from there" in cut[0].notices[0]["remedy"]
    assert {"foreign": 1} == whole.counts["open"], "what the runs before it saw, it has seen"
    assert 1 == whole.looked_at["vault"]


def test_what_comes_in_meanwhile_hides_nothing(issued: World) -> None:
    fill(issued, 45)
    made = issued.clock.now() - HOUR - timedelta(seconds=42.5)
    issued.vault.put(**SOMEBODYS, created_at=made)
    metered(issued, 4)
    assert round_of(issued).notices
    fill(issued, 15, ago=timedelta())

    whole = until_whole(issued, 3)[-1]

    assert [1, 2, 3, 4, 5, 6, 7] == pages(issued)
    assert {"foreign": 1} == whole.counts["open"]


def test_a_vault_that_wants_peace_from_reconciling_takes_what_is_new_as_soon_as_it_says(
    issued: World,
) -> None:
    fill(issued, 45)
    metered(issued, 3)
    round_of(issued)
    issued.complete("bob")
    issued.run("normalise", "issue")
    assert key("bob") not in issued.vault.created
    assert issued.in_wait(issued.issuer.shut_until) <= WAIT

    issued.clock.moment = issued.issuer.shut_until
    issued.run("issue")
    assert 1 == issued.vault.created[key("bob")]


def test_certificates_of_ours_that_were_seen_need_not_be_asked_for(issued: World) -> None:
    """The runs share what they have seen: ours is on the first page, and no run sees all."""
    fill(issued, 45, ago=DAY)
    metered(issued, 3)

    assert 1 == until_whole(issued, 3)[-1].looked_at["vault"]
    assert 0 == issued.vault.calls["view"]


def test_what_was_asked_for_by_itself_is_not_asked_for_again(issued: World) -> None:
    fill(issued, 8, source="vault")
    meter = metered(issued, 3)

    whole = until_whole(issued, 6)[-1]

    assert {"foreign": 8} == whole.counts["open"]
    assert 8 == len([row for row in issued.rows(tables.difference) if row.asked_at])
    assert issued.vault.calls["view"] <= 8 + meter.refused


def test_those_missing_are_asked_for_over_several_runs(issued: World) -> None:
    for who in ("bob", "eve", "ivy", "joe"):
        issued.generate(who)
    issued.settle(hours=1)
    issued.later(hours=1)
    issued.vault.kept.clear()
    issued.vault.calls.clear()
    meter = metered(issued, 3)

    whole = until_whole(issued, 4)[-1]

    assert {"missing_at_vault": 5} == whole.counts["open"]
    assert 5 + meter.refused >= issued.vault.calls["view"]


def test_the_list_of_revoked_ones_is_read_rarely_but_for_who_asks_by_hand(issued: World) -> None:
    every = issued.bridge.settings.reconcile_revoked
    for _ in range(4):
        round_of(issued)
    assert [1] == pages(issued, "revoked")
    assert [1] * 4 == pages(issued)

    issued.reconcile()
    assert [1] * 2 == pages(issued, "revoked")
    issued.later(seconds=every.total_seconds())
    round_of(issued)
    round_of(issued)
    assert [1] * 3 == pages(issued, "revoked")


def test_a_long_list_of_revoked_ones_is_read_over_several_runs(issued: World) -> None:
    fill(issued, 35, ago=400 * DAY, status="revoked")
    metered(issued, 3)

    until_whole(issued, 3)

    assert [1, 2, 3, 4] == pages(issued, "revoked")
    assert [1, 2] == pages(issued), "to the first page that is too old"


def test_what_was_begun_by_hand_is_ended_by_the_clock(issued: World) -> None:
    fill(issued, 15, ago=400 * DAY, status="revoked")
    round_of(issued)
    metered(issued, 3)
    assert issued.reconcile().notices
    assert not round_of(issued).notices

    assert [1, 2, 1, 2] == pages(issued, "revoked")


def test_who_looks_further_back_than_the_walk_has_begins_anew(issued: World) -> None:
    metered(issued, 1)
    assert round_of(issued).notices, "of the list of revoked ones"
    issued.later()
    assert issued.reconcile(since=90 * DAY).notices
    assert [1, 1] == pages(issued)
    issued.later()
    issued.reconcile(since=90 * DAY)
    assert ([1, 1], [1]) == (pages(issued), pages(issued, "revoked"))


def test_after_a_restoration_a_walk_that_began_before_begins_anew(issued: World) -> None:
    fill(issued, 25)
    metered(issued, 2)
    round_of(issued)
    now = issued.clock.now()
    issued.change(tables.site, issued.site_id, unsure_since=now - DAY, restored_at=now)
    until_whole(issued, 4)

    assert [1, 2, 1, 2, 3] == pages(issued)
