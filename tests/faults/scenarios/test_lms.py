"""Scenario 20: the LMS is away or forgets, clocks jump, and a mapping is edited meanwhile."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from bridge.store import tables
from tests.bridge.world import TITLE, World, key
from tests.faults.scenarios.house import House
from tests.scripted_vault import answers, normal


def test_20_while_the_lms_is_down_what_the_vault_has_made_waits_for_the_gradebook(
    here: House,
) -> None:
    told = here.complete(4)
    here.deliver(*told)
    here.eventually(lambda: all(here.issuance(one) for one in told))
    here.links["campus"].refuse()
    here.eventually(lambda: [here.state(one) for one in told] == ["generated"] * 4)
    late = here.complete(2)
    assert [202] * 2 == here.deliver(*late)
    here.eventually(lambda: here.count(tables.site, tables.site.c.shut_until.is_not(None)))

    here.links["campus"].heal()
    here.all_is_well([*told, *late])


def test_20_what_the_lms_took_and_did_not_keep_is_written_again(world: World) -> None:
    world.lms.swallows = 1
    world.generate()
    world.settle()

    assert 2 == len(world.lms.writes)
    assert ("read_back", 1) == (world.write_back.state, len(world.lms.gradebook))
    assert {key(): 1} == world.vault.created


def test_20_a_clock_that_jumps_midnight_and_an_edited_mapping_change_no_key_and_no_file(
    world: World,
) -> None:
    busy = answers(429, headers={"Retry-After": "60"})
    world.vault.usual = lambda _taken: busy
    world.issue()
    before = world.issuance
    world.add_mapping(("Certificate of Completion: ", "Diploma: "), ("'UTC'", "'Pacific/Auckland'"))
    for hours in (-1, 2, 14, -1):  # 14: past midnight
        world.clock.forward(timedelta(hours=hours))
        world.run("normalise", "issue", "follow")
    world.vault.usual = lambda _taken: normal
    world.settle(hours=48)

    kept, row = world.vault.only, world.issuance
    assert (TITLE, "2026-11-23") == (kept.title, kept.issue_date)
    assert (before.natural_key, before.file_sha256) == (row.natural_key, row.file_sha256)
    assert before.file_sha256 == hashlib.sha256(kept.content).hexdigest()
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)
    assert ["read_back"] == world.states(tables.write_back)


def test_20_a_clock_set_back_gives_nobodys_lease_away_and_none_for_ever(world: World) -> None:
    world.complete()
    world.run("normalise")
    held = {"lease_owner": "worker-9", "fence": 1}
    until = world.clock.now() + world.bridge.settings.lease
    long_due = world.clock.now() - timedelta(hours=2)  # so that its lease alone holds it
    world.change(
        tables.issuance, world.issuance.id, lease_until=until, next_run_at=long_due, **held
    )
    world.clock.forward(timedelta(hours=-1))
    world.run("issue")
    assert ("worker-9", 0) == (world.issuance.lease_owner, world.vault.calls["upload"])

    world.settle()
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)
