"""Mapping documents as they are mapped with: the versions in use, or those of the first time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from bridge.store import issuances, mapping_versions
from bridge.store.states import UNSENT, MappingState
from mappings.document import DocumentError, load
from mappings.model import Mapping
from mappings.salvage import salvage


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned:
    """A mapping document, read, and which version of it."""

    mapping: Mapping
    version: int
    rehearses: bool = False  #: what it makes waits for a person


def active_mappings(conn: sa.Connection) -> Sequence[Versioned]:
    """Read the mapping documents that are in use; one that no longer loads has a ``fault``."""
    return [_versioned(row) for row in mapping_versions.active(conn)]


def _versioned(row: sa.Row[Any]) -> Versioned:
    rehearses = row.state == MappingState.REHEARSAL
    mapping = _read(row.name, row.document)
    return Versioned(mapping=mapping, version=row.version, rehearses=rehearses)


#: Reading a document takes 20 ms, and a version never changes.
@lru_cache(maxsize=512)
def _read(name: str, document: str) -> Mapping:
    try:
        return load(document)
    except DocumentError as exc:
        return salvage(document, name=name, error=exc)


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
