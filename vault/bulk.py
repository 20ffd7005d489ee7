"""A bulk upload before anything of it is stored: which of its entries cannot be taken, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from vault.certificate import Entry, natural_key
from vault.store import certificates, uploads

DUPLICATE = "A vault certificate with this email, title, and issue date already exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkEntry:
    """An entry and the uuid of the file that was uploaded for it."""

    entry: Entry
    file_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """What is wrong with the entries of a request, by their positions in it."""

    unresolved: Mapping[int, str]  #: file_ids
    duplicates: Mapping[int, str]

    def __bool__(self) -> bool:
        return bool(self.unresolved or self.duplicates)


class BulkRefused(Exception):
    """Nothing of the request was stored."""

    def __init__(self, refusals: Refusals) -> None:
        super().__init__("Some entries cannot be taken")
        self.refusals = refusals


def refusals(
    conn: sa.Connection,
    *,
    institution_id: int,
    file_ids: Mapping[int, str],
    entries: Mapping[int, Entry],
    now: datetime,
) -> Refusals:
    """Look for file_ids that cannot be used and for entries that are there already, or twice."""
    keys = {n: natural_key(institution_id, entry) for n, entry in entries.items()}
    files = uploads.ahead(
        conn, sorted(set(file_ids.values())), institution_id=institution_id, now=now
    )
    used = {uuid for uuid, row in files.items() if row.unused_until is None}
    taken = certificates.taken(conn, sorted(set(keys.values())))
    return Refusals(
        unresolved=dict(_unresolved(file_ids, files.keys(), used)),
        duplicates=dict(_duplicates(keys, taken)),
    )


def _unresolved(
    file_ids: Mapping[int, str], found: Collection[str], used: set[str]
) -> Iterator[tuple[int, str]]:
    first: dict[str, int] = {}
    for n, file_id in file_ids.items():
        if file_id not in found:
            yield n, f"file_id {file_id} not found"
        elif file_id in used:
            yield n, f"file_id {file_id} has already been used"
        elif file_id in first:
            yield n, f"file_id {file_id} is that of entry {first[file_id]} already"
        first.setdefault(file_id, n)


def _duplicates(keys: Mapping[int, str], taken: set[str]) -> Iterator[tuple[int, str]]:
    first: dict[str, int] = {}
    for n, key in keys.items():
        if key in taken:
            yield n, DUPLICATE
        elif key in first:
            yield n, f"Entry {n} has the same email, title, and issue date as entry {first[key]}"
        first.setdefault(key, n)
