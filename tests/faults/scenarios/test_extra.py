"""Beyond the twenty: two of everything on one database, and clients that drip or lie."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from bridge import queue
from bridge.processes import BRIDGE
from bridge.store import tables
from bridge.store.states import CompletionState
from tests.bridge.world import World
from tests.faults.scenarios.house import NEEDED, House
from tests.faults.stage import HOOK

LEARNERS = 8
#: Clients that never finish what they send; a megabyte is the most that is taken.
DRIPPING = 20
ANSWERED_WITHIN_S = 5.0


def test_extra_two_bridges_on_one_database_make_nothing_twice(world: World) -> None:
    for number in range(LEARNERS):
        for course in ("42", "43"):  # one title, one day: one certificate
            world.complete(f"ada{number}", course={"id": course})
    start = threading.Barrier(2)

    def work(owner: str) -> None:
        bridge = replace(world.bridge, owner=owner)
        start.wait(timeout=10)
        for _ in range(4):
            for bell in queue.BELLS:
                queue.answer(bridge, bell)

    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(work, ["worker-1", "worker-2"]))
    world.settle()

    assert {1} == set(world.vault.created.values())
    assert LEARNERS == len(world.vault.kept)
    assert ["generated"] * LEARNERS == world.states()
    states = world.states(tables.completion)
    assert LEARNERS == states.count(CompletionState.MAPPED)
    assert LEARNERS == states.count(CompletionState.SAME)
    assert {"read_back"} == set(world.states(tables.write_back))
    places = [place for place, _ in world.lms.writes]
    assert len(set(places)) == len(places), "nobody is mailed twice"


def test_extra_two_clocks_and_two_workers_of_each_kind_make_nothing_twice(here: House) -> None:
    for name in ("clock", *(each for each in NEEDED if each.startswith("worker-"))):
        here.start(f"{name}-2", BRIDGE[name])
    told = here.complete(12)
    here.deliver(*told)

    here.all_is_well(told)


def test_extra_uploads_that_drip_for_ever_hold_nobody_up(here: House) -> None:
    [told] = here.complete()
    with ExitStack() as stack:
        dripping = [stack.enter_context(unfinished(here.port)) for _ in range(DRIPPING)]
        began = time.monotonic()
        here.deliver(told)
        took = time.monotonic() - began
        for one in dripping:
            one.send(b"x")

    assert took < ANSWERED_WITHIN_S
    here.all_is_well([told])


@contextmanager
def unfinished(port: int) -> Iterator[socket.socket]:
    """A delivery whose body is said to be large, and of which little comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as made:
        head = f"POST {HOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n"
        made.sendall(head.encode() + b"x" * 100)
        yield made
