"""Each failure that faults.md tells of has the tests that it names, and none is left out."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.docs.papers import ROOT

PAPER = ROOT / "docs" / "faults.md"
SCENARIOS = range(1, 21)
#: A test of a scenario: its number, or that it comes on top.
NUMBERED = re.compile(r"test_(\d\d|extra)_")


@cache
def written() -> frozenset[str]:
    """Every test there is, by its name."""
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def named() -> set[str]:
    return set(re.findall(r"`(test_\w+)`", PAPER.read_text("utf-8")))


def test_every_test_that_is_named_is_there():
    assert set() == named() - written()


def test_every_test_of_a_scenario_is_named():
    numbered = {name for name in written() if NUMBERED.match(name)}

    assert set() == numbered - named()


def test_every_scenario_has_its_row_and_a_test_of_its_number():
    rows = re.findall(r"(?m)^\| (\d+) \|.*`test_(\d\d)_", PAPER.read_text("utf-8"))

    assert [(str(number), f"{number:02}") for number in SCENARIOS] == rows


def test_the_signals_of_crash_points_are_those_there_are():
    told = re.findall(r"`single\.sent:1(?::(\w+))?`", PAPER.read_text("utf-8"))
    source = (ROOT / "runtime" / "crashpoint.py").read_text("utf-8")

    assert ["", "STOP", "TERM"] == told
    assert "(KILL|STOP|TERM)" in source
