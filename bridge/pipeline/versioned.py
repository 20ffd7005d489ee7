"""Mapping documents as they are mapped with: the versions in use, or those of the first time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from bridge.store import issuances, mapping_versions
from bridge.store.states import UNSENT, MappingState
from mappings.document import load
from mappings.model import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned:
    """A mapping document, read, and which version of it."""

    mapping: Mapping
    version: int
    rehearses: bool = False  #: what it makes waits for a person


#: Reading a document takes 20 ms, and a version never changes.
_read = lru_cache(maxsize=512)(load)


def active_mappings(conn: sa.Connection) -> Sequence[Versioned]:
    """Read the mapping documents that are in use."""
    return [_versioned(row) for row in mapping_versions.active(conn)]


def _versioned(row: sa.Row[Any]) -> Versioned:
    rehearses = row.state == MappingState.REHEARSAL
    return Versioned(mapping=_read(row.document), version=row.version, rehearses=rehearses)


def version_of(conn: sa.Connection, name: str, number: int) -> Versioned:
    """One version of a mapping, in use or not; raises NotThere."""
    return _versioned(mapping_versions.version(conn, name, number))


def original_mappings(conn: sa.Connection, completion_id: str) -> Sequence[Versioned]:
    """The versions that a completion's unsent issuances were mapped with; none if it has none."""
    standing = issuances.of_completions(conn, [completion_id])
    return [
        version_of(conn, row.mapping_name, row.mapping_version)
        for row in standing
        if row.state in UNSENT
    ]
