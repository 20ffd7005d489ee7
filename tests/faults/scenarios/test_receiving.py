"""Scenarios 1 to 4: the process that receives dies, and senders repeat themselves."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from bridge.store import tables
from tests.faults.scenarios.house import House

#: The sweep of life is 5 s, and so is a fiftieth of it in a house: what is left is a busy machine.
STARTED_WITHIN_S = 15.0


def test_01_web_killed_before_its_commit_has_promised_nothing_and_a_retry_makes_one_row(
    here: House,
) -> None:
    [told] = here.complete()
    before = here.count(tables.delivery)
    here.arm("web", "receive.storing:1")
    with pytest.raises(httpx.TransportError):
        here.post(told.body)

    assert before == here.count(tables.delivery)
    here.renew("web")
    assert [202] == here.deliver(told)
    assert before + 1 == here.count(tables.delivery)
    here.all_is_well([told])


def test_02_web_killed_after_its_commit_and_before_its_answer_knows_the_replay(
    here: House,
) -> None:
    [told] = here.complete()
    before = here.count(tables.delivery)
    here.arm("web", "receive.stored:1")
    with pytest.raises(httpx.TransportError):
        here.post(told.body)

    assert before + 1 == here.count(tables.delivery)
    here.renew("web")
    assert [200] == here.deliver(told)
    assert before + 1 == here.count(tables.delivery)
    here.all_is_well([told])


def test_03_web_killed_after_its_answer_whose_bell_nobody_heard(here: House) -> None:
    [told] = here.complete()
    here.links["redis"].refuse()
    assert [202] == here.deliver(told)
    here.fleet.kill("web", alone=False)
    here.links["redis"].heal()
    began = time.monotonic()

    here.eventually(lambda: here.issuance(told))
    assert time.monotonic() - began < STARTED_WITHIN_S
    here.all_is_well([told])


def test_04_a_hundred_repetitions_at_once_are_one_certificate(here: House) -> None:
    [told] = here.complete()
    before = here.count(tables.delivery)
    # The same completion under new ids of the event, too.
    bodies = [told.body] * 80 + [
        here.webhook(told.course, told.learner, objectid=90_000 + number) for number in range(20)
    ]
    with ThreadPoolExecutor(max_workers=16) as pool:
        statuses = [answer.status_code for answer in pool.map(here.post, bodies)]

    assert [200] * 79 + [202] == sorted(statuses[:80])
    assert [202] * 20 == statuses[80:]
    assert before + 21 == here.count(tables.delivery)
    here.all_is_well([told])
