"""Write the table of figures in docs/benchmarks.md from benchmarks/results.json.

``--check`` writes nothing and ends with status 1 if the file is not what would be written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.__main__ import BENCHMARKS
from benchmarks.rows import table
from scripts import made

PAPER = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->"


def paper(text: str, found: Mapping[str, Any]) -> str:
    """``text`` with the results between the marks; ValueError without marks."""
    lines = "".join(f"{line}\n" for line in _lines(found))
    return made.between(text, BEGIN, END, lines, where="docs/benchmarks.md")


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    measured = [name for name in BENCHMARKS if name in found]
    rows = [(name, row) for name in measured for row in found[name]["rows"]]
    if not rows:
        yield "Nothing was measured yet."
        return
    yield from table(rows)
    yield ""
    for on, machine in sorted({(found[name]["on"], found[name]["machine"]) for name in measured}):
        yield f"Measured on {on}, {machine}."
    missed = [f"{row['name']} ({name})" for name, row in rows if row["met"] is False]
    yield f"Not as wanted: {'; '.join(missed) or 'none'}."


def _now(text: str) -> str:
    return paper(text, results.read(results.PATH))


if __name__ == "__main__":
    sys.exit(made.main(PAPER, _now, script="scripts.benchmark_table", arguments=sys.argv[1:]))
