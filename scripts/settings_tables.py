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
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"docs/operate.md has no {begin.strip()} with an end.")
        text = before + begin + HEAD + "".join(_rows(prefix, schema)) + closed + after
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


def main(arguments: list[str]) -> int:
    """Write or check the paper; return the exit status."""
    before = PAPER.read_text("utf-8")
    after = paper(before)
    if arguments == ["--check"]:
        if before == after:
            return 0
        sys.stderr.write("docs/operate.md is out of date: python -m scripts.settings_tables\n")
        return 1
    PAPER.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
