"""Scenarios 9, 10 and 16: those who work die or are paused while others go on.

Scenarios 8 and 11, a death and an order to end at every point, are in `tests.faults`.
"""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bridge.pipeline import issue
from bridge.processes import BRIDGE
from bridge.store import tables
from runtime.http import Client
from tests.bridge.world import World, key
from tests.faults.scenarios.house import House


def test_09_who_goes_on_beyond_the_lease_while_another_claims_writes_nothing(
    world: World,
) -> None:
    class Slow(Client):
        """Its process stands still between the last look at the lease and the call."""

        def send(self, *args: Any, **options: Any) -> httpx.Response:
            world.clock.moment = world.issuance.lease_until
            issue.run(replace(sound, owner="worker-2"))
            claimed.append(world.issuance)
            return super().send(*args, **options)

    sound, claimed = world.bridge, list[Any]()
    world.complete()
    world.run("normalise")
    with Slow(allowed=["127.0.0.1"], deadline=world.bridge.settings.vault_deadline) as http:
        issue.run(replace(sound, vault_http=http))

    assert [2] == [row.fence for row in claimed]
    row = world.issuance
    assert ("sending", 2, None) == (row.state, row.fence, row.vault_uuid)
    world.settle()
    assert 1 == world.vault.calls["upload"]
    assert (["generated"], {key(): 1}) == (world.states(), world.vault.created)
    assert world.vault.only.uuid == world.issuance.vault_uuid


@pytest.mark.parametrize("point", ["single.intended", "single.sent"])
def test_10_who_is_paused_beyond_the_lease_neither_sends_nor_writes_when_it_goes_on(
    here: House, point: str
) -> None:
    [told] = here.complete()
    before = here.vault.calls["upload"]
    here.arm("worker-issue", f"{point}:1:STOP")
    here.deliver(told)
    paused = here.until_it_stands_still("worker-issue")
    here.start("worker-issue-2", BRIDGE["worker-issue"])

    here.all_is_well([told])
    settled = here.issuance(told)
    assert settled is not None
    here.go_on(paused)
    [after] = here.complete()
    here.fleet.pause("worker-issue-2")  # what is new is for the one that was paused
    here.deliver(after)
    here.all_is_well([told, after])

    now = here.issuance(told)
    assert now is not None
    assert (settled.fence, settled.vault_uuid) == (now.fence, now.vault_uuid)
    assert before + 2 == here.vault.calls["upload"]


def test_10_who_is_paused_beyond_the_lease_writes_nothing_over_what_stands_by_then(
    here: House,
) -> None:
    [told] = here.complete()
    here.arm("worker-write-back", "write_back.intended:1:STOP")
    here.deliver(told)
    paused = here.until_it_stands_still("worker-write-back")
    here.start("worker-write-back-2", BRIDGE["worker-write-back"])

    here.all_is_well([told])
    cell = here.cell(told)
    here.go_on(paused)
    [after] = here.complete()
    here.fleet.pause("worker-write-back-2")  # what is new is for the one that was paused
    here.deliver(after)
    here.all_is_well([told, after])

    assert cell == here.cell(told)


def test_16_a_death_between_two_uploads_of_a_batch_loses_and_doubles_no_entry(
    here: House,
) -> None:
    told = here.complete(12)
    here.fleet.pause("worker-issue")
    here.deliver(*told)
    here.eventually(lambda: all(here.issuance(one) for one in told))
    batches = here.vault.calls["bulk"]
    here.arm("worker-issue", "bulk.uploaded:7")
    assert -signal.SIGKILL == here.fleet.wait("worker-issue", within=60)

    assert 0 == here.count(tables.attempt, tables.attempt.c.outcome.is_(None))
    here.all_is_well(told)
    assert batches < here.vault.calls["bulk"]
    assert {1} == {here.vault.created[one.key] for one in told}
