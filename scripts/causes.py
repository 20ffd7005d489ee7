"""Write the table of causes in docs/failures.md from the catalogue.

``--check`` writes nothing and ends with status 1 if the file is not what would be written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bridge.pipeline.known_causes import CATALOGUE, KnownCause

PAPER = Path(__file__).parent.parent / "docs" / "failures.md"
BEGIN, END = "<!-- causes -->\n", "<!-- end of causes -->"
HEAD = "| cause | means | mended by | next move |\n|---|---|---|---|\n"


def paper(text: str) -> str:
    """``text`` with the table between the marks written anew; ValueError without marks."""
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise ValueError(f"docs/failures.md has no {BEGIN.strip()} with an end.")
    return before + BEGIN + HEAD + "".join(map(_row, CATALOGUE)) + closed + after


def _row(known: KnownCause) -> str:
    move = known.move or "As the row says."
    then = " Then replay." if known.replays else ""
    cells = (f"`{known.pattern}`", known.means, known.mender.value, f"{move}{then}")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def main(arguments: list[str]) -> int:
    """Write or check the paper; return the exit status."""
    before = PAPER.read_text("utf-8")
    after = paper(before)
    if arguments == ["--check"]:
        if before == after:
            return 0
        sys.stderr.write("docs/failures.md is out of date: python -m scripts.causes\n")
        return 1
    PAPER.write_text(after, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
