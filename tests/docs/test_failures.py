"""What failures.md says of causes is what the catalogue says, and the catalogue knows them all."""

from __future__ import annotations

import re

import pytest

from bridge.pipeline.known_causes import CATALOGUE, known
from bridge.pipeline.outlook import Outlook
from scripts import causes
from tests.docs.papers import ROOT

STEPS = (
    *("normalise", "complete", "fetch", "issue", "follow", "write_back", "site", "issuer"),
    *("revoke", "correct"),
)
#: What the bridge, and the reading of mappings and REST answers, name by a literal.
NAMED = re.compile(
    r'(?:\bcode(?:: str)? ?= ?|cause\((?:[\w.]*STEP|[\w.]*ISSUE|"\w+"), )"([a-z_]+)"'
)
#: The default, which says no more than that, and what only mails have: ``mail.*`` tells of all.
GENERAL = {"refused", "no_certificate"}


def codes() -> set[str]:
    """Every code that stands in our own source, but for the words of single connectors."""
    files = [*(ROOT / "bridge").rglob("*.py"), *(ROOT / "mappings").glob("*.py")]
    files += [ROOT / "connectors" / name for name in ("base.py", "rest.py")]
    return {code for path in files for code in NAMED.findall(path.read_text("utf-8"))}


def test_the_table_is_what_the_catalogue_says():
    text = causes.PAPER.read_text("utf-8")

    assert causes.paper(text) == text


def test_every_code_that_we_name_is_in_the_catalogue():
    found = codes()
    fields = [f"{step}.{code}{field}" for step in STEPS for code in found for field in ("", ".x")]
    told = {cause.split(".")[1] for cause in fields if known(cause).pattern != "*"}

    assert len(found) > 30
    assert GENERAL == found - told


def test_no_entry_of_the_catalogue_is_hidden_by_one_before_it():
    samples = [entry.pattern.replace("???", "404").replace("?", "5") for entry in CATALOGUE]
    shown = {known(sample.replace("*", "x")).pattern for sample in samples}

    assert {entry.pattern for entry in CATALOGUE} == shown


def test_every_outlook_is_in_the_table():
    text = causes.PAPER.read_text("utf-8")

    assert [] == [outlook.value for outlook in Outlook if f"\n| {outlook.value} |" not in text]


def test_a_paper_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="causes"):
        causes.paper("# No marks here\n")
