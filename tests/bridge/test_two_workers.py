"""Two bridges on one database at the same time: every certificate once, every row in one state."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bridge import queue
from bridge.store import tables
from bridge.store.states import CompletionState
from tests.bridge.world import World

LEARNERS = 8


def test_two_workers_at_once_make_nothing_twice(world: World) -> None:
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
