"""A slow step beside others: turns end at once, work is done once, what goes wrong is told."""

from __future__ import annotations

import threading

import pytest

from vault.beside import Beside


def test_a_turn_ends_though_the_step_does_not() -> None:
    goes_on, begun = threading.Event(), []

    def slow() -> bool:
        begun.append(1)
        goes_on.wait(20)
        return False

    beside = Beside(slow, name="slow")
    turns = [beside.run(), beside.run()]
    goes_on.set()
    while beside.run():
        pass

    assert [True, True] == turns
    assert [1] == begun


def test_what_the_step_says_is_said() -> None:
    answers = [True, False]
    beside = Beside(lambda: answers.pop(0), name="quick")

    assert [True, False] == [beside.run(), beside.run()]


@pytest.mark.parametrize("wrong", [ZeroDivisionError, TimeoutError])
def test_what_goes_wrong_is_raised_and_the_next_turn_begins_anew(wrong: type[Exception]) -> None:
    first = [True]

    def fail_once() -> bool:
        if first:
            first.clear()
            raise wrong
        return False

    beside = Beside(fail_once, name="odd")
    with pytest.raises(wrong):
        beside.run()

    assert beside.run() is False
