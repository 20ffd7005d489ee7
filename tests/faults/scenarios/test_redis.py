"""Scenarios 5 to 7: Redis is away, empty, or tells things twice. It carries bells and no truth."""

from __future__ import annotations

import time

import redis

from bridge.queue import SERVICE
from bridge.store import tables
from runtime.bell import Bell, queue_name
from tests.faults.proxy import DropReply
from tests.faults.scenarios.house import House

DRAINED_WITHIN_S = 30.0
#: RQ keeps a queue under this name.
QUEUE = f"rq:queue:{queue_name(SERVICE, 'issue')}"


def test_05_while_redis_is_down_all_is_taken_and_worked_on_once_it_is_back(here: House) -> None:
    told = here.complete(10)
    here.links["redis"].refuse()
    assert [202] * 10 == here.deliver(*told)
    here.links["redis"].heal()
    began = time.monotonic()

    here.eventually(lambda: all(here.issuance(one) for one in told))
    assert time.monotonic() - began < DRAINED_WITHIN_S
    here.all_is_well(told)


def test_06_a_redis_that_is_emptied_and_killed_midway_loses_and_doubles_nothing(
    here: House,
) -> None:
    told = here.complete(12)
    here.deliver(*told[:6])
    with redis.Redis.from_url(here.redis.url) as client:
        client.flushall()
    here.deliver(*told[6:])
    here.eventually(lambda: here.vault.calls["upload_file"] + here.vault.calls["upload"])
    here.fleet.kill("redis", alone=False)
    here.fleet.wait("redis")

    here.all_is_well(told)


def test_07_a_bell_whose_answer_was_lost_and_a_stale_bell_doubled_do_nothing_again(
    here: House,
) -> None:
    [told] = here.complete()
    link = here.links["redis"]
    link.behave(DropReply)
    Bell(f"redis://{link.address}", service=SERVICE).ring("issue")  # nobody is told
    here.deliver(told)
    link.heal()
    here.all_is_well([told])
    done, settled = here.count(tables.attempt), here.issuance(told)
    assert settled is not None

    here.fleet.pause("worker-issue")
    with redis.Redis.from_url(here.redis.url) as client:
        client.rpush(QUEUE, *[_waiting_job(here, client)] * 3)
        here.fleet.resume("worker-issue")
        here.eventually(lambda: client.llen(QUEUE) == 0)

    [after] = here.complete()
    here.deliver(after)
    here.all_is_well([told, after])
    assert done + 1 == here.count(tables.attempt), "only the new one was sent"
    now = here.issuance(told)
    assert now is not None
    assert (settled.fence, settled.updated_at) == (now.fence, now.updated_at), "nobody took it up"


def _waiting_job(here: House, client: redis.Redis) -> str:
    """The id of a job that rings for a row that is finished."""
    bell = Bell(here.redis.url, service=SERVICE)

    def rung() -> list[str]:
        bell.ring("issue")  # the first goes to the worker's own connection, paused or not
        return client.lrange(QUEUE, 0, -1)  # type: ignore[return-value]

    return here.eventually(rung)[0]  # type: ignore[no-any-return]
