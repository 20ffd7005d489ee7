"""Write the tables of settings in docs/operate.md from the schemas that read them.

``--check`` writes nothing and ends with status 1 if the file is not what would be written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import marshmallow as ma

import bridge.settings
import vault.settings
from scripts import made

ROOT = Path(__file__).parent.parent
PAPER = ROOT / "docs" / "operate.md"
SCHEMAS: Mapping[str, ma.Schema] = {
    bridge.settings.PREFIX: bridge.settings.SettingsSchema(),
    vault.settings.PREFIX: vault.settings.SettingsSchema(),
}
HEAD = "| setting | what it is | default | example |\n|---|---|---|---|\n"


def paper(text: str) -> str:
    """``text`` with the table between each pair of marks written anew; ValueError without marks."""
    for prefix, schema in SCHEMAS.items():
        begin, end = f"<!-- settings {prefix} -->\n", "<!-- end of settings -->"
        table = HEAD + "".join(_rows(prefix, schema))
        text = made.between(text, begin, end, table, where="docs/operate.md")
    return text


def variables() -> set[str]:
    """Every environment variable that either service reads."""
    return {
        variable
        for prefix, schema in SCHEMAS.items()
        for name, field in schema.fields.items()
        for variable in _names(prefix, name, field)
    }


def _names(prefix: str, name: str, field: ma.fields.Field[Any]) -> Iterator[str]:
    yield f"{prefix}{name.upper()}"
    if field.metadata.get("secret"):
        yield f"{prefix}{name.upper()}_FILE"


def _rows(prefix: str, schema: ma.Schema) -> Iterator[str]:
    for name, field in schema.fields.items():
        names = " or ".join(f"`{variable}`" for variable in _names(prefix, name, field))
        about, example = field.metadata["help"], field.metadata["example"]
        yield f"| {names} | {about} | {_default(field)} | `{example}` |\n"


def _default(field: ma.fields.Field[Any]) -> str:
    if field.required:
        return "**required**"
    default = field.load_default
    if default is None or default == ():
        return "none"
    shown = default.total_seconds() if isinstance(default, timedelta) else default
    return f"`{shown:.12g}`" if isinstance(shown, float) else f"`{shown}`"


if __name__ == "__main__":
    sys.exit(made.main(PAPER, paper, script="scripts.settings_tables", arguments=sys.argv[1:]))
