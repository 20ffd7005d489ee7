"""Every name there is with what stood there last, also the keys that an LMS has of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from connectors.base import Completion
from mappings.expressions import CompileError, Condition, compile_condition
from mappings.names import KEY, NAMES, Kind, Name
from mappings.values import Fields, values_of

DEPTH = 4  #: groups in groups of ``extra`` that are listed apart

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: They mean something else behind a dot: how many there are, and which stands at an end.
_TAKEN = ("size", "first", "last")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One name as an expression has it, and what it gave last; None where it never gave any."""

    path: str
    kind: Kind
    meaning: str
    example: str | None


def listing(completions: Sequence[Completion], *, site: str) -> Sequence[Listed]:
    """Every name, each with its value in the first of these completions that has one.

    Keys of an LMS's own come in the order in which they are met. Raises nothing.
    """
    known = [values_of(completion, site=site) for completion in completions]
    found = []
    for name in NAMES:
        for path in dict.fromkeys(_paths(name, completions)):
            condition = _readable(path)
            if condition is not None:
                example = _first(condition, known)
                found.append(
                    Listed(path=path, kind=name.kind, meaning=name.meaning, example=example)
                )
    return found


def _paths(name: Name, completions: Sequence[Completion]) -> Iterator[str]:
    group = name.path.removesuffix(f".{KEY}")
    if group == name.path:
        yield name.path
        return
    for completion in completions:
        of = {"learner.custom": completion.learner.custom, "extra": completion.extra}[group]
        yield from _below(group, of, DEPTH)


def _below(group: str, values: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in values.items():
        path = f"{group}{_step(key)}"
        if isinstance(value, Mapping) and value and depth:
            yield from _below(path, value, depth - 1)
        else:
            yield path


def _step(key: str) -> str:
    if _PLAIN.fullmatch(key) and key not in _TAKEN:
        return f".{key}"
    quote = '"' if "'" in key else "'"
    return f"[{quote}{key}{quote}]"


@lru_cache(maxsize=512)
def _readable(path: str) -> Condition | None:
    """It as a condition, which knows what it reads; None for a key that none can be written for."""
    try:
        return compile_condition(f"{path} == nil")
    except CompileError:
        return None


def _first(condition: Condition, known: Sequence[Fields]) -> str | None:
    for values in known:
        for _, value in condition.inputs(values):
            if value:
                return value
    return None
