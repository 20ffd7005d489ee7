"""What an export's folder holds beside files and records, all of it made of the records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runtime import spreadsheets
from runtime.crashpoint import crashpoint
from vault.export import readme, sheet
from vault.export.asked import FORM, Begun
from vault.export.folder import RECORDS, SUMMARY, Folder, hash_of
from vault.export.records import FOLDERS, Record

SHEET = "certificates.csv"
INSTITUTIONS = "institutions.jsonl"
MISSING = "missing.csv"
README = "README.txt"
SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A file that should be in the export and could not be copied."""

    reference_id: str
    file: str  #: "verified" or "uploaded"
    problem: str  #: "is missing", "has been changed"
    sha256: str


@dataclass(slots=True, kw_only=True)
class Counts:
    """How much there is in an export."""

    certificates: Counter[str] = field(default_factory=Counter)  #: by status
    files: Counter[str] = field(default_factory=Counter)  #: by the folder they lie in
    institutions: int = 0
    missing: int = 0

    def told(self) -> dict[str, Any]:
        """As export.json says it."""
        return {
            "certificates": self.certificates.total(),
            "by_status": dict(sorted(self.certificates.items())),
            "files": {folder: self.files[folder] for folder in FOLDERS.values()},
            "institutions": self.institutions,
            "missing": self.missing,
        }


def close(
    folder: Folder, begun: Begun, institutions: Iterable[Record], *, finished_at: str
) -> Counts:
    """Write everything that is made of the records, and say that the export is complete."""
    sheet.certificates(folder.path / SHEET, folder.records())
    counts = _counted(folder.records())
    counts.institutions = _write_lines(folder.path / INSTITUTIONS, institutions)
    _write_missing(folder)
    summary = {
        "export": FORM,
        "program": f"certvault {version('vaultbridge')}",
        "vault": begun.vault,
        "begun_at": begun.begun_at,
        "finished_at": finished_at,
        "asked": begun.asked,
        "counts": counts.told(),
    }
    text = json.dumps(summary, indent=2, ensure_ascii=False)
    (folder.path / SUMMARY).write_text(f"{text}\n", encoding="utf-8")
    (folder.path / README).write_text(readme.text(summary), encoding="utf-8")
    _write_sums(folder)
    crashpoint("export.closing")
    folder.complete()
    return counts


def _counted(records: Iterable[Record]) -> Counts:
    counts = Counts()
    for record in records:
        counts.certificates[record["status"]] += 1
        for name, place in FOLDERS.items():
            if record[name] is not None:
                counts.files[place] += record[name]["path"] is not None
        counts.missing += sum(1 for _ in _missing_of(record))
    return counts


def missing(folder: Folder) -> Iterator[Missing]:
    """Every file that could not be copied."""
    for record in folder.records():
        yield from _missing_of(record)


def _missing_of(record: Mapping[str, Any]) -> Iterator[Missing]:
    for name, place in FOLDERS.items():
        if record[name] is not None and "problem" in record[name]:
            yield Missing(
                reference_id=record["reference_id"],
                file=place,
                problem=record[name]["problem"],
                sha256=record[name]["sha256"],
            )


def _write_missing(folder: Folder) -> None:
    folder.drop(MISSING)
    found = [(one.reference_id, one.file, one.problem, one.sha256) for one in missing(folder)]
    if found:
        spreadsheets.write(folder.path / MISSING, Missing.__slots__, found)


def _write_lines(path: Path, records: Iterable[Record]) -> int:
    lines = [f"{json.dumps(record, ensure_ascii=False)}\n" for record in records]
    path.write_text("".join(lines), encoding="utf-8")
    return len(lines)


def _write_sums(folder: Folder) -> None:
    """In the form of ``sha256sum``; what was copied was hashed on its way."""
    others = (README, SHEET, RECORDS, SUMMARY, INSTITUTIONS, MISSING)
    with (folder.path / SUMS).open("w", encoding="ascii", newline="\n") as file:
        for name in others:
            if (folder.path / name).exists():
                file.write(_sum(hash_of(folder.path / name), name))
        for record in folder.records():
            for own in filter(None, map(record.get, FOLDERS)):
                if own["path"] is not None:
                    file.write(_sum(own["sha256"], own["path"]))


def _sum(sha256: str, name: str) -> str:
    return f"{sha256}  {name}\n"
