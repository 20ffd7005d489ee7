"""Write the table of causes in docs/failures.md from the catalogue.

``--check`` writes nothing and ends with status 1 if the file is not what would be written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bridge.pipeline.known_causes import CATALOGUE, KnownCause
from scripts import made

PAPER = Path(__file__).parent.parent / "docs" / "failures.md"
BEGIN, END = "<!-- causes -->\n", "<!-- end of causes -->"
HEAD = "| cause | means | mended by | next move |\n|---|---|---|---|\n"


def paper(text: str) -> str:
    """``text`` with the table between the marks written anew; ValueError without marks."""
    table = HEAD + "".join(map(_row, CATALOGUE))
    return made.between(text, BEGIN, END, table, where="docs/failures.md")


def _row(known: KnownCause) -> str:
    move = known.move or "As the row says."
    then = " Then replay." if known.replays else ""
    cells = (f"`{known.pattern}`", known.means, known.mender.value, f"{move}{then}")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


if __name__ == "__main__":
    sys.exit(made.main(PAPER, paper, script="scripts.causes", arguments=sys.argv[1:]))
