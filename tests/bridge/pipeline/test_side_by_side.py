"""Serving several at once: each is its own, a slow one waits alone, and no error is lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from bridge.pipeline import side_by_side
from bridge.pipeline.side_by_side import MOST, SideBySide
from tests.polling import PATIENCE_S, eventually

SLOW, QUICK = "slow", "quick"


class Work:
    """What each of them has to do, counted; it takes SLOW until `done` is set."""

    def __init__(self, **left: int) -> None:
        self.left = Counter(left)
        self.begun: Counter[str] = Counter()
        self.done = threading.Event()

    def waiting(self) -> list[str]:
        return [who for who in self.left if self.left[who]]

    def serve(self, who: str) -> None:
        self.begun[who] += 1
        if who == SLOW:
            assert self.done.wait(PATIENCE_S)
        self.left[who] -= 1


@pytest.fixture
def side() -> Iterator[SideBySide]:
    with closing(SideBySide()) as side:
        yield side


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """End each run at once."""
    monkeypatch.setattr(side_by_side, "SLICE_S", 0.01)
    monkeypatch.setattr(side_by_side, "LOOK_S", 0.01)


def test_each_who_has_work_is_served_a_batch(side: SideBySide) -> None:
    work = Work(ada=1, bob=2)

    assert side.run(work.waiting, work.serve)
    assert Counter(ada=1, bob=1) == work.begun
    assert side.run(work.waiting, work.serve)
    assert not side.run(work.waiting, work.serve)
    assert Counter(ada=1, bob=2) == work.begun


def test_while_one_takes_its_time_the_others_are_served_as_they_have_work(
    side: SideBySide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "SLICE_S", PATIENCE_S)
    work = Work(slow=1, quick=3)

    def serve(who: str) -> None:
        work.serve(who)
        if not work.left[QUICK]:
            work.done.set()

    assert side.run(work.waiting, serve)
    assert Counter(slow=1, quick=3) == work.begun


def test_a_run_ends_before_the_slowest_and_the_next_knows_of_it(
    side: SideBySide, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    work = Work(slow=1, quick=1)
    eventually(lambda: side.run(work.waiting, work.serve) and not work.left[QUICK])
    for _ in range(3):
        assert side.run(work.waiting, work.serve), "there is more: somebody is being served"
        work.left[QUICK] += 1
        eventually(lambda: side.run(work.waiting, work.serve) and not work.left[QUICK])
    assert Counter(slow=1, quick=4) == work.begun, "nobody is served twice at once"

    work.done.set()
    eventually(lambda: not side.run(work.waiting, work.serve))
    assert Counter(slow=1, quick=4) == work.begun


def test_so_many_are_served_at_once_and_each_has_its_turn(side: SideBySide) -> None:
    together = threading.Barrier(MOST)
    names = [f"{number}" for number in range(3 * MOST)]
    work = Work(**dict.fromkeys(names, 1))

    def serve(who: str) -> None:
        together.wait(PATIENCE_S)
        work.serve(who)

    assert side.run(work.waiting, serve)
    assert Counter(names) == work.begun


def test_an_error_is_raised_once_the_others_are_done_and_not_again(side: SideBySide) -> None:
    work = Work(bad=1, slow=1)
    failed = threading.Event()

    def serve(who: str) -> None:
        if who == "bad":
            work.left["bad"] = 0
            threading.Timer(0.05, work.done.set).start()
            failed.set()
            raise ZeroDivisionError
        assert failed.wait(PATIENCE_S)
        work.serve(who)

    with pytest.raises(ZeroDivisionError):
        side.run(work.waiting, serve)
    assert [] == work.waiting()
    assert not side.run(work.waiting, serve)


def test_who_is_being_served_at_the_end_is_waited_for_and_its_error_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry(monkeypatch)
    side, begun, ended = SideBySide(), threading.Event(), threading.Event()

    def serve(_who: str) -> None:
        assert begun.wait(PATIENCE_S)
        ended.set()
        raise ZeroDivisionError

    assert side.run(lambda: [SLOW], serve)
    threading.Timer(0.05, begun.set).start()
    with pytest.raises(ZeroDivisionError):
        side.close()

    assert ended.is_set()
