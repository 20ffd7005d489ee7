"""Work beside a process's own: again and again, whatever it raises, until the process ends."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from runtime.repeating import repeating
from tests.polling import eventually

OFTEN = timedelta(milliseconds=5)


def test_it_is_done_at_once_and_again_whatever_it_raises() -> None:
    raising = [OperationalError("secret", {}, Exception()), ZeroDivisionError()]
    rounds = []

    def work() -> None:
        rounds.append(1)
        if raising:
            raise raising.pop(0)

    with capture_logs() as logs, repeating("telling", work, every=OFTEN):
        eventually(lambda: len(rounds) > 2)

    warning, error = logs
    assert {
        "event": "round_failed",
        "log_level": "warning",
        "name": "telling",
        "reason": "OperationalError",
    } == warning
    assert ("round_failed", "error", True) == (
        error["event"],
        error["log_level"],
        error["exc_info"],
    )


def test_it_ends_with_its_block() -> None:
    rounds = []
    with repeating("telling", lambda: rounds.append(1), every=OFTEN):
        eventually(lambda: rounds)
    ended = len(rounds)

    with repeating("other", lambda: None, every=OFTEN):
        pass
    assert ended == len(rounds)
