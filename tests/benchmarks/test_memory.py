"""What is said of the memory of the bridge's processes."""

from __future__ import annotations

from benchmarks.bridge_memory import rows


def test_each_process_has_its_limit_and_the_one_that_grew_most_is_named() -> None:
    early = {"web": 100.0, "worker issue": 100.0, "worker follow": 90.0}
    late = {"web": 110.0, "worker issue": 151.0, "worker follow": 90.0}
    *held, growth = rows(early, late)

    assert [("web", True), ("worker issue", False), ("worker follow", True)] == [
        (row.name, row.met) for row in held
    ]
    assert ("worker issue", 1.51, False) == (growth.name.split(",")[0], growth.ratio, growth.met)
