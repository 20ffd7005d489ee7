"""benchmarks.md explains every benchmark, and its table is what was measured last."""

from __future__ import annotations

import pytest

from benchmarks import results
from benchmarks.__main__ import BENCHMARKS
from scripts import benchmark_table
from tests.docs.papers import anchors

ROW = {"figure": 5.0, "unit": "a second", "floor": 1.0, "ratio": 5.0, "wanted": "≥ 6"}


def test_the_table_is_what_was_measured_last() -> None:
    text = benchmark_table.PAPER.read_text("utf-8")

    assert benchmark_table.paper(text, results.read(results.PATH)) == text


def test_every_benchmark_is_explained() -> None:
    found = anchors(benchmark_table.PAPER.read_text("utf-8"))

    assert [] == [name for name in BENCHMARKS if name not in found]


def test_what_is_not_as_wanted_is_named() -> None:
    rows = [{**ROW, "name": "slow", "met": False}, {**ROW, "name": "quick", "met": True}]
    found = {"rendering": {"on": "2026-11-30", "machine": "2 cores", "rows": rows}}
    text = benchmark_table.paper(f"{benchmark_table.BEGIN}{benchmark_table.END}", found)

    assert "Not as wanted: slow (rendering).\n" in text
    assert "Measured on 2026-11-30, 2 cores.\n" in text


def test_a_page_without_marks_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"docs/benchmarks\.md has no"):
        benchmark_table.paper("", {})
