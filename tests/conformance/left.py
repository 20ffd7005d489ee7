"""What a run leaves in a vault, known by what was sent and how that was answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx

Entry = Mapping[str, str]


@dataclass(kw_only=True)
class Left:
    """Noted at each answer, so that a test that fails hides nothing."""

    certificates: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)  #: those that wait for an entry, by file_id
    perhaps: list[str] = field(default_factory=list)  #: sent, and never answered

    def uploaded(self, entry: Entry, answer: httpx.Response) -> None:
        """A certificate was sent with its file: a second of the same title counts as well."""
        if answer.is_success:
            self.certificates.append(f"{_named(entry)}, uuid {_told(answer, 'uuid')}")

    def ahead(self, name: str, answer: httpx.Response) -> None:
        """A file was sent ahead of its entry."""
        if answer.is_success:
            self.files[_told(answer, "file_id")] = name

    def batch(self, entries: list[dict[str, str]], answer: httpx.Response) -> None:
        """Entries of files that were sent ahead."""
        if answer.is_success:
            batch = f"batch {_told(answer, 'batch_id')}"
            self.certificates += [f"{_named(entry)}, {batch}" for entry in entries]
            for entry in entries:
                self.files.pop(entry["file_id"], None)

    def lines(self) -> Iterator[str]:
        """All of it, for people."""
        yield from (f"certificate {one}" for one in self.certificates)
        yield from (f"file {name}, waiting as {id}" for id, name in self.files.items())
        yield from (f"perhaps, as no answer came: {one}" for one in self.perhaps)


def _named(entry: Entry) -> str:
    return f"{entry.get('certificate_title')!r} of {entry.get('applicant_email')}"


def _told(answer: httpx.Response, name: str) -> str:
    """What an answer says of what it made; the vault that is tried may answer anything."""
    try:
        return str(answer.json()["data"][name])
    except (ValueError, LookupError, TypeError):
        return "not told"
