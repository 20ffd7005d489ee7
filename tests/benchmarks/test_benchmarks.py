"""What `python -m benchmarks` can be asked for."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.bridges import prepare


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_is_a_module_that_runs(name: str) -> None:
    assert callable(import_module(f"benchmarks.{name}").run)


def test_a_bridge_to_measure_sends_each_webhook_once(tmp_path: Path) -> None:
    bridge = prepare(f"sqlite:///{tmp_path / 'bridge.sqlite'}", tmp_path)
    for requests in (bridge.recorded(range(10)), bridge.signed(range(10))):
        bodies = {request.partition(b"\r\n\r\n")[2] for request in requests}

        assert 10 == len(bodies)
