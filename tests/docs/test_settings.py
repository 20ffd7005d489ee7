"""What papers say of settings is what the schemas say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import settings_tables
from tests.docs.papers import ROOT, name_of, papers

VARIABLE = re.compile(r"\b(?:BRIDGE|VAULT)_[A-Z_]*[A-Z]\b")
FILES = [*papers(), *(ROOT / name for name in ("compose.yaml", "Dockerfile"))]


def test_the_tables_in_operate_md_are_what_the_schemas_say():
    text = settings_tables.PAPER.read_text("utf-8")

    assert settings_tables.paper(text) == text


def test_the_tables_hold_every_setting_with_its_help():
    text = settings_tables.PAPER.read_text("utf-8")
    missing = [
        name
        for prefix, schema in settings_tables.SCHEMAS.items()
        for name, field in schema.fields.items()
        if f"`{prefix}{name.upper()}`" not in text or field.metadata["help"] not in text
    ]

    assert missing == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_paper_names_a_setting_that_does_not_exist(path: Path):
    named = set(VARIABLE.findall(path.read_text("utf-8")))

    assert set() == named - settings_tables.variables()


def test_a_paper_without_the_marks_is_refused():
    with pytest.raises(ValueError, match="settings BRIDGE_"):
        settings_tables.paper("# No marks here\n")
