"""Callers that wait at the same time share one call, and each has its own answer."""

from __future__ import annotations

import gc
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from runtime.together import LARGEST_GROUP, Together
from tests.polling import eventually


class Slow:
    """Work that is held up at its first call until the others wait."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def __call__(self, asked: Sequence[int]) -> Sequence[int]:
        self.groups.append(list(asked))
        self.begun.set()
        assert self.go_on.wait(30)
        if 13 in asked:
            raise LookupError("13")
        return [one * one for one in asked]


def behind_one(work: Slow, asked: Sequence[int]) -> list[Future[int]]:
    """Ask all these while the work is at the first."""
    together = Together(work, name="squares")
    with ThreadPoolExecutor(len(asked) + 1) as pool:
        futures = [pool.submit(together.ask, 1)]
        assert work.begun.wait(30)
        futures += [pool.submit(together.ask, one) for one in asked]
        eventually(lambda: together.waiting() == len(asked))
        work.go_on.set()
    return futures


def test_those_that_wait_meanwhile_share_the_next_call() -> None:
    work = Slow()
    futures = behind_one(work, range(2, 10))

    assert [one * one for one in range(1, 10)] == [future.result() for future in futures]
    assert [[1], list(range(2, 10))] == [sorted(group) for group in work.groups]


def test_no_group_is_larger_than_a_limit() -> None:
    work = Slow()
    behind_one(work, range(20, 20 + LARGEST_GROUP + 5))

    assert [1, LARGEST_GROUP, 5] == [len(group) for group in work.groups]


def test_an_error_is_everybodys_in_the_group_and_the_next_group_goes_on() -> None:
    work = Slow()
    first, *others = behind_one(work, [12, 13])

    assert 1 == first.result()
    for future in others:
        with pytest.raises(LookupError):
            future.result()
    assert 4 == Together(work, name="more").ask(2)


class Asking:
    """What owns its own Together, as those who use one do: each holds the other."""

    def __init__(self) -> None:
        self.together = Together(self.work, name="of-one-who-goes")

    def work(self, asked: Sequence[int]) -> Sequence[int]:
        return asked


def test_the_thread_ends_with_what_it_serves() -> None:
    def threads() -> int:
        return sum(thread.name == "of-one-who-goes" for thread in threading.enumerate())

    asking = Asking()
    assert 1 == asking.together.ask(1)
    assert 1 == threads()

    del asking
    gc.collect()

    assert eventually(lambda: threads() == 0)
