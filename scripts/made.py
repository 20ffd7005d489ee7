"""Papers, or parts of them, that a script writes: written anew, or checked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path


def between(text: str, begin: str, end: str, made: str, *, where: str) -> str:
    """``text`` with ``made`` between the marks; ValueError without marks."""
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{where} has no {begin.strip()} with an end.")
    return before + begin + made + closed + after


def main(path: Path, paper: Callable[[str], str], *, script: str, arguments: list[str]) -> int:
    """Write the paper, or with ``--check`` say whether it is up to date; return the status."""
    before = path.read_text("utf-8")
    after = paper(before)
    if arguments != ["--check"]:
        path.write_text(after, "utf-8")
    elif before != after:
        sys.stderr.write(f"docs/{path.name} is out of date: python -m {script}\n")
        return 1
    return 0
