"""What benchmarks say: a row for each thing measured, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

HEAD = ("benchmark", "what", "figure", "unit", "floor", "ratio", "wanted", "met")
#: The columns of numbers.
RIGHT = frozenset({"figure", "floor", "ratio"})
MET = {True: "yes", False: "no", None: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. What is wanted is wanted of its ratio if it has one, otherwise of itself."""

    name: str
    figure: float
    unit: str
    floor: float | None = None  #: what it is compared with: same run, same unit
    ratio: float | None = None  #: figure by floor, as paired while measuring
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is as wanted; None where nothing is."""
        judged = self.figure if self.ratio is None else self.ratio
        if self.at_least is not None:
            return judged >= self.at_least
        return judged <= self.at_most if self.at_most is not None else None

    @property
    def wanted(self) -> str:
        """The bound as a person reads it."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return f"≤ {self.at_most:g}" if self.at_most is not None else ""

    def as_json(self) -> dict[str, Any]:
        """As the file of results keeps it."""
        return {
            "name": self.name,
            "figure": _rounded(self.figure),
            "unit": self.unit,
            "floor": _rounded(self.floor),
            "ratio": _rounded(self.ratio),
            "wanted": self.wanted,
            "met": self.met,
        }

    def __str__(self) -> str:
        parts = [f"{self.name} {self.figure:.3g} {self.unit}"]
        if self.floor is not None:
            parts.append(f"floor {self.floor:.3g}")
        if self.ratio is not None:
            parts.append(f"ratio {self.ratio:.3g}")
        return ", ".join([*parts, *([self.wanted] if self.wanted else [])])


def table(rows: Iterable[tuple[str, dict[str, Any]]]) -> list[str]:
    """The lines of a Markdown table of (benchmark, row as JSON); readable as it stands."""
    cells = [HEAD, *(_cells(benchmark, row) for benchmark, row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    head, *lines = (_line(line, widths) for line in cells)
    rule = (
        "-" * (width - 1) + (":" if name in RIGHT else "-")
        for name, width in zip(HEAD, widths, strict=True)
    )
    return [head, f"| {' | '.join(rule)} |", *lines]


def _cells(benchmark: str, row: dict[str, Any]) -> tuple[str, ...]:
    numbers = {name: "" if row[name] is None else f"{row[name]:g}" for name in RIGHT}
    shown = {**row, **numbers, "benchmark": benchmark, "what": row["name"], "met": MET[row["met"]]}
    return tuple(shown[name] for name in HEAD)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    padded = (
        cell.rjust(width) if name in RIGHT else cell.ljust(width)
        for name, cell, width in zip(HEAD, cells, widths, strict=True)
    )
    return f"| {' | '.join(padded)} |"


def _rounded(number: float | None) -> float | None:
    """Three digits; more would be the machine's mood."""
    return None if number is None else float(f"{number:.3g}")
