"""An export's folder: one process's at a time, marked until it is complete, going on after a death.

While ``INCOMPLETE`` lies in it, anything else in it may be half written.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runtime.embedded import private_folder
from vault.export.asked import FORM, Asked, Begun

MARKER = "INCOMPLETE"
RECORDS = "certificates.jsonl"
SUMMARY = "export.json"
#: A file on its way in.
PASSING = "passing.part"
NOTE = (
    "This export is not complete: it runs at this moment, or was interrupted. "
    "Run the same command again, and it goes on."
)


def hash_of(path: Path) -> str:
    """A file's SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FolderProblem(Exception):
    """An export cannot be written to a folder; the text says why and what to do."""


@contextmanager
def taken(path: Path) -> Iterator[Folder]:
    """Keep a folder for this process's export; raises FolderProblem, and leaves what is there."""
    path = private_folder(path)
    _refuse_what_is_no_export(path)
    handle = os.open(path / MARKER, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise FolderProblem(
            f"Another export writes to {path}. Wait for its end, or name another folder."
        ) from None
    try:
        yield Folder(path, handle)
    finally:
        os.close(handle)


def _refuse_what_is_no_export(path: Path) -> None:
    there = sorted(found.name for found in path.iterdir())
    if MARKER in there or not there:
        return
    if SUMMARY in there and RECORDS in there:
        raise FolderProblem(
            f"{path} holds a complete export already. Name a new folder; for what was added or "
            "changed since that one, with --since."
        )
    raise FolderProblem(
        f"{path} is not empty, and no export ({there[0]} lies in it). Name a new or empty folder."
    )


class Folder:
    """A folder that is this process's; ``marker`` is the open file that says so."""

    def __init__(self, path: Path, marker: int) -> None:
        self.path = path
        self._marker = marker

    def begin(self, asked: Asked, vault: str, new: Callable[[], Begun]) -> Begun:
        """Begin a ``new`` export, or return the one that was begun here.

        Raises FolderProblem if another one was asked for then, or of another vault.
        """
        begun = self._begun()
        if begun is None:
            begun = new()
            text = json.dumps({"note": NOTE, "export": FORM, **asdict(begun)}, indent=2)
            os.ftruncate(self._marker, 0)
            os.pwrite(self._marker, f"{text}\n".encode(), 0)
            os.fsync(self._marker)
        self._require_same({"vault": vault, **asked.told()}, {"vault": begun.vault, **begun.asked})
        return begun

    def _begun(self) -> Begun | None:
        with open(os.dup(self._marker), encoding="utf-8") as marker:  # noqa: PTH123  # is open
            marker.seek(0)
            text = marker.read()
        try:
            found = json.loads(text)
            if found.pop("export") == FORM:
                return Begun(**{name: found[name] for name in Begun.__slots__})
        except (ValueError, KeyError, AttributeError, TypeError):
            pass  # whoever began may have died before it was written
        if {MARKER} == {found.name for found in self.path.iterdir()}:
            return None
        raise FolderProblem(
            f"{self.path / MARKER} is none that this version writes. Name a new or empty folder."
        )

    def _require_same(self, asked: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        others = [name for name in asked if asked[name] != before.get(name)]
        if others:
            told = ", ".join(f"{name}: {json.dumps(before.get(name))}" for name in others)
            raise FolderProblem(
                f"Another export was begun in {self.path} and is not complete ({told}). "
                "Ask for the same to go on with it, or name another folder."
            )

    def keep(self, name: str, chunks: Iterable[bytes]) -> None:
        """Put a file in, whole or not at all."""
        passing, target = self.path / PASSING, self.path / name
        with passing.open("wb") as file:
            file.writelines(chunks)
        target.parent.mkdir(parents=True, exist_ok=True)
        passing.replace(target)

    def holds(self, name: str, sha256: str) -> bool:
        """Whether a file is there, whole: an interrupted run may have got so far."""
        path = self.path / name
        return path.is_file() and sha256 == hash_of(path)

    def drop(self, name: str) -> None:
        """Take a file out that an interrupted run may have put in."""
        (self.path / name).unlink(missing_ok=True)

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Add records; from then on they and the files that they name survive everything."""
        lines = [f"{json.dumps(record, ensure_ascii=False)}\n" for record in records]
        os.sync()  # all files at once: one by one it takes many times as long
        with (self.path / RECORDS).open("a", encoding="utf-8", newline="") as file:
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())

    def records(self) -> Iterator[dict[str, Any]]:
        """Every record, oldest certificate first."""
        with (self.path / RECORDS).open(encoding="utf-8", newline="\n") as file:
            yield from map(json.loads, file)

    def go_on(self) -> tuple[int, dict[str, Any] | None]:
        """How many whole records there are, and the last; half a record after it is cut off."""
        path = self.path / RECORDS
        path.touch(mode=0o600)
        count, size, last = 0, 0, b""
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                count, size, last = count + 1, size + len(line), line
        os.truncate(path, size)
        return count, json.loads(last) if last else None

    def complete(self) -> None:
        """Say that nothing is missing any more."""
        self.drop(PASSING)
        os.sync()
        self.drop(MARKER)
