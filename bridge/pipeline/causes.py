"""Why something failed, as a word to group by: ``step.code`` or ``step.code.field``.

The step is where it happened, the code what, the field where in the entry, delivery or file.
"""

from __future__ import annotations

import re
from typing import Protocol

#: As long as its column.
LONGEST = 200
_NO_CODE = re.compile(r"[^a-z0-9_]+")
_NO_FIELD = re.compile(r"[^A-Za-z0-9_.\[\]-]+")
_INDEX = re.compile(r"\[[0-9]+\]")


class Coded(Protocol):
    """Whatever says what went wrong in a word; some say in which ``field``, too."""

    @property
    def code(self) -> str: ...


def cause(step: str, code: str, field: str | None = None) -> str:
    """Name a cause; a connector's own code and a sender's path are cut to what a name can be."""
    parts = [step, _NO_CODE.sub("_", code.lower()).strip("_") or "unknown"]
    if field:
        # Rows of a list fail alike: which one of them it was is no cause of its own.
        plain = _INDEX.sub("[]", field.removeprefix("$.").removeprefix("entry."))
        parts.append(_NO_FIELD.sub("_", plain).strip("_.") or "whole")
    return ".".join(parts)[:LONGEST]


def cause_of(step: str, told: Coded) -> str:
    """The cause that an error, a refusal or an answer names by its ``code`` and ``field``."""
    return cause(step, told.code, getattr(told, "field", None))


def bug(step: str, name: str) -> str:
    """The cause where the program itself is at fault: ``name`` is the exception's."""
    return cause(step, "bug", name)
