"""A report on paper: titled sections of facts and tables, printed as A4 by the same children.

What no font can print is told by its code point: a report is never refused for a letter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("report.typ")
#: The share of the width that a column takes at least and at most.
NARROWEST, WIDEST = 9, 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One section."""

    title: str
    facts: Sequence[tuple[str, str]]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is printed. Every text is plain text."""

    heading: str
    of: str
    made: str
    foot: str
    by: str
    parts: Sequence[Part]

    def texts(self) -> Iterator[str]:
        """Every text on it."""
        yield from (self.heading, self.of, self.made, self.foot, self.by)
        for part in self.parts:
            yield from (part.title, part.empty, *part.columns)
            for pair in part.facts:
                yield from pair
            for row in part.rows:
                yield from row

    def data(self, *, fonts: Sequence[str], printable: Callable[[str], str]) -> dict[str, Any]:
        """What its source reads from ``sys.inputs.data``."""
        return {
            "title": printable(f"{self.heading}: {self.of}"),
            "heading": printable(self.heading),
            "of": printable(self.of),
            "made": printable(self.made),
            "foot": printable(self.foot),
            "by": printable(self.by),
            "fonts": fonts,
            "parts": [_part(part, printable) for part in self.parts],
        }


def _part(part: Part, printable: Callable[[str], str]) -> dict[str, Any]:
    return {
        "title": printable(part.title),
        "facts": [[printable(text) for text in pair] for pair in part.facts],
        "columns": list(part.columns),
        "widths": _widths(part),
        "rows": [[printable(text) for text in row] for row in part.rows],
        "empty": printable(part.empty),
    }


def _widths(part: Part) -> list[int]:
    """By how much stands in each column."""
    columns = zip(part.columns, *part.rows, strict=True)
    return [min(max(NARROWEST, *map(len, cells)), WIDEST) for cells in columns]
