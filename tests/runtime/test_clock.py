"""The clock rings for what is due, and outlives a database that is down."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from runtime.clock import tick
from tests.polling import PATIENCE_S, eventually
from tests.processes import program


def test_each_step_with_due_work_is_rung_for() -> None:
    rung: list[str] = []
    tick(lambda: ["issue", "follow"], rung.append)

    assert ["issue", "follow"] == rung


def test_a_database_that_is_down_is_logged(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/nowhere/test.sqlite")

    def due() -> Iterable[str]:
        with engine.connect():
            return []

    with capture_logs() as logs:
        tick(due, pytest.fail)

    expected = [{"event": "clock_failed", "log_level": "warning", "reason": "OperationalError"}]

    assert expected == logs


def test_our_own_mistakes_are_loud() -> None:
    def due() -> Iterable[str]:
        raise KeyError("issue")

    with pytest.raises(KeyError):
        tick(due, pytest.fail)


def test_it_rings_again_and_again_until_it_is_told_to_stop(tmp_path: Path) -> None:
    rung = tmp_path / "rung"
    with program("tests.runtime.programs.clock", rung, log=tmp_path / "log") as clock:
        eventually(lambda: rung.exists() and len(rung.read_text().splitlines()) >= 3)
        clock.send_signal(signal.SIGTERM)

        assert 0 == clock.wait(timeout=PATIENCE_S)
