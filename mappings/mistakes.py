"""How a mistake in a mapping document is told: where it is, what is wrong, what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mistake:
    """One mistake; ``str()`` of it is the line an admin reads."""

    line: int  #: from 1
    column: int  #: from 1, in characters
    key: str  #: dotted path ("entry.full_name"); "document" where it concerns the whole
    problem: str  #: what is wrong, what is allowed, the nearest known name

    def __str__(self) -> str:
        return _on_one_line(f"{self.line}:{self.column}: {self.key}: {self.problem}")


def _on_one_line(text: str) -> str:
    # A key or a name may hold line ends, and signs that nobody sees or that turn a line about.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class DocumentError(Exception):
    """The document is no mapping; ``mistakes`` holds every mistake in it, by line."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes: tuple[Mistake, ...] = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A mistake inside one value, before anyone knows on which line the value stands."""

    problem: str
    offset: int | None = None  #: characters into the value; None: the value as a whole
    on_key: bool = False  #: the key is wrong, not its value


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant; None if none is near.

    A part of a dotted name is enough: "full_name" is near "learner.full_name".
    """
    names = {candidate.casefold(): candidate for candidate in known}
    wanted = name.casefold()
    for folded, candidate in names.items():
        if wanted in (folded, folded.rpartition(".")[2]):
            return candidate
    found = difflib.get_close_matches(wanted, list(names), n=1, cutoff=0.6)
    return names[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean "…"?``, or nothing."""
    meant = nearest(name, known)
    return f'; did you mean "{meant}"?' if meant else ""
