"""CHANGELOG and decisions keep their form; the README, once it is written, keeps its order."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.papers import ROOT, name_of

VERSION = re.compile(r"^## \[([^\]]+)\](?: - (?:\d{4}-\d{2}-\d{2}|unreleased))?$", re.MULTILINE)
FOLDER = ROOT / "docs" / "decisions"
DECISIONS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
#: Half a page.
LONGEST_DECISION = 45


def test_the_newest_heading_of_the_changelog_is_the_project_s_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = VERSION.findall((ROOT / "CHANGELOG.md").read_text("utf-8"))

    assert project["version"] == versions[0]


def test_every_heading_of_the_changelog_is_a_version_once():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## .*$", text, re.MULTILINE)
    versions = VERSION.findall(text)

    assert len(headings) == len(versions) == len(set(versions))


def test_decisions_are_numbered_one_after_the_other():
    numbers = [path.name[:4] for path in DECISIONS]

    assert [f"{number:04}" for number in range(1, len(numbers) + 1)] == numbers


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_a_decision_says_context_choice_and_price_on_half_a_page(path: Path):
    lines = path.read_text("utf-8").splitlines()

    assert ["## Context", "## Choice", "## Price"] == [x for x in lines if x.startswith("## ")]
    assert lines[0].startswith(f"# {path.name[:4]} ")
    assert len(lines) <= LONGEST_DECISION


def test_every_decision_is_on_the_page_that_lists_them():
    listed = re.findall(r"\(([^)]+\.md)\)", (FOLDER / "README.md").read_text("utf-8"))

    assert [path.name for path in DECISIONS] == listed
